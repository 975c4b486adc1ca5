from pathlib import Path

import polars as pl
import pytest
from exported_tables import DAY, book_table, trade_table
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.errors import NotExportable
from trading_assets.exporting.changes import ADD, CLEAR, REMOVE, SNAPSHOT, UPDATE, book_changes, trades

Level = tuple[float, float]
Step = tuple[int, bool, float, float]


def steps(path: Path, *, batch_rows: int = 4096) -> list[Step]:
    return [
        step
        for changes in book_changes(path, batch_rows=batch_rows)
        for step in zip(
            changes.kind.tolist(), changes.is_ask.tolist(), changes.px.tolist(), changes.sz.tolist(), strict=True
        )
    ]


def test_the_first_valid_row_is_laid_and_later_ones_differ(tmp_path: Path) -> None:
    rows = [
        (1, 1, 1, True, [(9.0, 1.0), (8.0, 1.0)], [(10.0, 1.0)]),
        (2, 2, 2, True, [(9.0, 2.0), (7.0, 1.0)], [(10.0, 1.0), (11.0, 3.0)]),
    ]

    found = steps(book_table(rows, tmp_path))

    laid = [(SNAPSHOT, False, 9.0, 1.0), (SNAPSHOT, False, 8.0, 1.0), (SNAPSHOT, True, 10.0, 1.0)]
    changed = [(REMOVE, False, 8.0, 0.0), (UPDATE, False, 9.0, 2.0), (ADD, False, 7.0, 1.0), (ADD, True, 11.0, 3.0)]
    assert [(CLEAR, False, 8.0, 0.0), (CLEAR, True, 10.0, 0.0), *laid, *changed] == found


def test_a_row_that_is_not_valid_empties_the_book_once_and_the_next_valid_one_lays_it_anew(tmp_path: Path) -> None:
    book: tuple[list[Level], list[Level]] = ([(9.0, 1.0)], [(10.0, 1.0)])
    rows = [(1, 1, 1, True, *book), (2, 2, 2, False, [], []), (3, 3, 3, False, *book), (4, 4, 4, True, *book)]

    kinds = [kind for kind, *_ in steps(book_table(rows, tmp_path))]

    laid = [CLEAR, CLEAR, SNAPSHOT, SNAPSHOT]
    assert [*laid, CLEAR, CLEAR, *laid] == kinds


def test_the_receive_time_stands_in_for_an_event_time_that_is_not_known(tmp_path: Path) -> None:
    (changes,) = book_changes(book_table([(5, None, 1, True, [(9.0, 1.0)], [(10.0, 1.0)])], tmp_path))

    assert [DAY + 5] * 4 == changes.ts_event.tolist()


def test_trades_keep_the_order_of_the_venue_and_no_clock_runs_back(tmp_path: Path) -> None:
    rows = [(5, 1, 7, 9.0, 1.0, "buy"), (3, None, None, 9.0, 2.0, None)]

    (batch,) = trades(trade_table(rows, tmp_path))

    assert [DAY + 5, DAY + 5] == batch.ts_recv.tolist()
    assert [DAY + 1, DAY + 5] == batch.ts_event.tolist()
    assert ["7", "row-1"] == batch.trade_id
    assert [1, 0] == batch.side.tolist()


def test_a_table_that_shows_no_book_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"px": [1.0]}).write_parquet(tmp_path / "other.parquet")

    with pytest.raises(NotExportable, match="shows no book"):
        list(book_changes(tmp_path / "other.parquet"))


sides = st.dictionaries(st.integers(1, 6), st.integers(1, 3), min_size=1, max_size=3)


@given(st.lists(st.tuples(st.booleans(), sides, sides), min_size=1, max_size=12), st.integers(1, 5))
def test_whoever_applies_the_changes_holds_each_row(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[bool, dict[int, int], dict[int, int]]], batch_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("books")
    shown = [
        (
            is_valid,
            [(float(px), float(sz)) for px, sz in sorted(bids.items(), reverse=True)],
            [(10.0 + px, float(sz)) for px, sz in sorted(asks.items())],
        )
        for is_valid, bids, asks in drawn
    ]
    path = book_table([(n, n, n, *row) for n, row in enumerate(shown)], folder, depth=3)

    book: tuple[dict[float, float], dict[float, float]] = ({}, {})
    after: dict[int, tuple[dict[float, float], dict[float, float]]] = {}
    for changes in book_changes(path, batch_rows=batch_rows):
        for n in range(len(changes.kind)):
            side, px, sz = book[int(changes.is_ask[n])], changes.px[n], changes.sz[n]
            if changes.kind[n] == CLEAR:
                side.clear()
            elif changes.kind[n] == REMOVE:
                del side[px]
            else:
                assert (changes.kind[n] == UPDATE) == (px in side)
                side[px] = sz
            after[int(changes.seq[n])] = (dict(book[0]), dict(book[1]))

    state: tuple[dict[float, float], dict[float, float]] = ({}, {})
    for n, (is_valid, bids, asks) in enumerate(shown):
        state = after.get(n, state)
        assert ((dict(bids), dict(asks)) if is_valid else ({}, {})) == state
