import gzip
from pathlib import Path

import pytest
from format_files import written

from trading_assets.errors import NotACapture
from trading_assets.sources.formats.tables import NUMBER, ROW, TEXT, Table, header_of, optional, without_exponents

COLUMNS = {"name": "[a-z]+", "px": NUMBER, "sz": optional(NUMBER)}


def table(path: Path, **options: bool) -> Table:
    return Table(path, COLUMNS, header=b"name,px,sz", max_line_bytes=1000, **options)


def test_rows_are_columns_of_text_and_keep_their_numbers(tmp_path: Path) -> None:
    (rows,) = table(written(tmp_path / "t.csv", "name,px,sz\na,1.50,2\r\nb,3,\n")).rows()

    assert {"name": ["a", "b"], "px": ["1.50", "3"], "sz": ["2", None]} == rows.frame.drop(ROW, TEXT).to_dict(
        as_series=False
    )
    assert [0, 1] == rows.frame[ROW].to_list()


def test_rows_that_cannot_be_read_are_handed_over_as_they_stood(tmp_path: Path) -> None:
    bad = [b"a,-1,2", b"a,1", b"a,1,2,3", b"\xff,1,2", b'"a",1,2', b"a,.5,1", b"a,1e999,1"]
    found = table(written(tmp_path / "t.csv", b"name,px,sz\n" + b"\n".join(bad) + b"\na,1,2\n"))

    (rows,) = found.rows()

    assert bad == list(rows.unreadable.values())
    assert [7] == rows.frame[ROW].to_list()
    assert (8, 7) == (found.n_rows, found.n_unreadable)


def test_numbers_with_an_exponent_are_written_out_and_the_row_is_kept(tmp_path: Path) -> None:
    (rows,) = table(written(tmp_path / "t.csv", "a,1.5e-7,2E+3\nb,1,2\n")).rows()

    assert ["0.00000015", "1"] == rows.frame["px"].to_list()
    assert ["2000", "2"] == rows.frame["sz"].to_list()
    assert ["a,1.5e-7,2E+3", "b,1,2"] == rows.frame[TEXT].to_list()
    assert "a,0.0000,1e" == without_exponents("a,0e-4,1e")


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    text = "\ufeffname,px,sz\na,1,2\n"

    (rows,) = table(written(tmp_path / "t.csv", text)).rows()

    assert (b"name,px,sz", ["name", "px", "sz"]) == header_of(text.encode())
    assert ["a"] == rows.frame["name"].to_list()
    assert {} == rows.unreadable


def test_headers_of_tables_joined_end_to_end_are_no_rows(tmp_path: Path) -> None:
    (rows,) = table(written(tmp_path / "t.csv", "name,px,sz\na,1,2\nname,px,sz\nb,1,2\n")).rows()

    assert ["a", "b"] == rows.frame["name"].to_list()


def test_a_cut_off_archive_gives_what_was_readable_and_says_so(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,1,2\n" * 100_000)
    found = table(written(tmp_path / "t.csv.gz", whole[:-100]))

    assert sum(len(rows.frame) for rows in found.rows()) > 1000
    assert "cut off" in (found.damage or "")


@pytest.mark.parametrize("text", ["", "name,px,sz\n"])
def test_a_table_without_a_row_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotACapture, match="has no row: nothing to import"):
        list(table(written(tmp_path / "t.csv", text)).rows())


def test_a_table_without_a_readable_row_is_refused_and_shown_as_no_terminal_minds(tmp_path: Path) -> None:
    with pytest.raises(NotACapture, match=r"the first is 'no\\x1b\[2J,row': name another --format"):
        list(table(written(tmp_path / "t.csv", "name,px,sz\nno\x1b[2J,row\n")).rows())


def test_a_row_as_long_as_a_book_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotACapture, match="a row is as long"):
        list(table(written(tmp_path / "t.csv", "a" * 2000)).rows())


def test_a_row_may_go_on_where_it_is_allowed(tmp_path: Path) -> None:
    (rows,) = table(written(tmp_path / "t.csv", "a,1,2,x,y\nb,1,2\n"), may_go_on=True).rows()

    assert ["a", "b"] == rows.frame["name"].to_list()
    assert ["2", "2"] == rows.frame["sz"].to_list()
