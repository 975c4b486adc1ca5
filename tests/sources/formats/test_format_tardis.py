import gzip
from pathlib import Path

import pytest
from format_files import INCREMENTAL, NOON_US, TRADES, brought, change, content, documents, opened, refusal, written
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trading_assets.sources.formats.base import Lack
from trading_assets.sources.formats.tardis import instrument_of

SNAPSHOT = (
    "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,"
    "asks[1].price,asks[1].amount,bids[1].price,bids[1].amount\n"
)


def test_rows_of_equal_times_are_one_message_and_a_zero_removes(tmp_path: Path) -> None:
    rows = [change(1, "bid", "10.50", "1"), change(1, "ask", "11", "2"), change(2, "bid", "10.50", "0")]

    found = documents(opened(written(tmp_path / "f.csv", INCREMENTAL + "".join(rows))))

    assert [(1000, [["10.50", "1"]], [["11", "2"]]), (2000, [["10.50", "0"]], [])] == [
        (at, said["bids"], said["asks"]) for at, said in found
    ]
    assert all(said["interchange"] == "update" for _, said in found)
    assert NOON_US * 1000 - 4000 == found[0][1]["ts_event"]


def test_a_snapshot_begins_the_book_anew_and_its_later_rows_add_to_it(tmp_path: Path) -> None:
    rows = [
        change(1, "ask", "11", "2", snapshot=True),
        change(1, "bid", "10", "0", snapshot=True),
        change(2, "bid", "10", "3", snapshot=True),
        change(3, "bid", "10", "4"),
        change(4, "bid", "9", "4", snapshot=True),
    ]

    found = documents(opened(written(tmp_path / "f.csv", INCREMENTAL + "".join(rows))))

    assert ["snapshot", "update", "update", "snapshot"] == [said["interchange"] for _, said in found]
    assert [] == found[0][1]["bids"]


def test_rows_of_several_symbols_go_to_several_instruments(tmp_path: Path) -> None:
    rows = [change(1, "bid", "1", "1"), change(1, "bid", "2", "2", symbol="ETHUSDT"), change(2, "bid", "1", "3")]
    path = written(tmp_path / "f.csv", INCREMENTAL + "".join(rows))

    found = {str(c.partition): c.n_lines for c in brought(path, tmp_path).landing.captures}

    assert {"2024-08-08|BTCUSDT.BINANCE_USDM": 3, "2024-08-08|ETHUSDT.BINANCE_USDM": 2} == found
    assert "names one instrument for all" in refusal(path, tmp_path / "other", "BTCUSDT.X")


def test_a_row_that_cannot_be_read_follows_the_last_that_can(tmp_path: Path) -> None:
    rows = ["binance-futures,torn\n", change(1, "bid", "1", "1"), "what is this\n"]
    reading = opened(written(tmp_path / "f.csv", INCREMENTAL + "".join(rows)))

    assert [(1000, "binance-futures,torn"), (1000, "what is this")] == [
        (at, said) for at, said in documents(reading) if isinstance(said, str)
    ]
    assert ["2 of 3 rows cannot be read"] == reading.notes


def test_a_row_of_a_snapshot_table_is_the_whole_book_without_its_empty_levels(tmp_path: Path) -> None:
    row = f"kraken,XBT/USD,{NOON_US},{NOON_US + 1},11,1.5,10,2,12,1e-7,,\n"
    reading = opened(written(tmp_path / "f.csv", SNAPSHOT + row))

    ((_, said),) = documents(reading)

    assert [["10", "2"]] == said["bids"]
    assert [["11", "1.5"], ["12", "0.0000001"]] == said["asks"]
    assert "tardis_book_snapshot_2" == reading.source
    assert [Lack.UPDATES, Lack.UPDATE_IDS, Lack.TRADES] == reading.lacks


def test_a_book_with_half_a_level_is_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    torn = f"kraken,XBT/USD,{NOON_US},{NOON_US + 1},11,,10,2,12,1,9,1"
    whole = f"kraken,XBT/USD,{NOON_US},{NOON_US + 2},11,1,10,2,,,,"
    reading = opened(written(tmp_path / "f.csv", f"{SNAPSHOT}{torn}\n{whole}\n"))

    first, (_, second) = documents(reading)

    assert (1000, torn) == first
    assert [["11", "1"]] == second["asks"]
    assert ["1 of 2 rows cannot be read"] == reading.notes


@pytest.mark.parametrize("at", [2, 3])
def test_a_time_beyond_int64_is_a_row_that_cannot_be_read(tmp_path: Path, at: int) -> None:
    fields = change(2, "bid", "1", "2").split(",")
    late = ",".join([*fields[:at], "9300000000000000", *fields[at + 1 :]])
    rows = change(1, "bid", "1", "1") + late

    found = documents(opened(written(tmp_path / "f.csv", INCREMENTAL + rows)))

    assert [late.rstrip()] == [said for _, said in found if isinstance(said, str)]


def test_trades_keep_ids_that_are_numbers_and_sides_that_are_known(tmp_path: Path) -> None:
    common = f"deribit,BTC-PERPETUAL,{NOON_US},{NOON_US + 1}"
    rows = f"{common},12,buy,10.5,1\n{common},ab-c,sell,10,2\n{common},,unknown,10,2\n"
    reading = opened(written(tmp_path / "f.csv", TRADES + rows))

    found = [(said["id"], said["side"], said["px"], said["sz"]) for _, said in documents(reading)]

    assert [(12, "buy", "10.5", "1"), (None, "sell", "10", "2"), (None, None, "10", "2")] == found
    assert [Lack.BOOKS] == reading.lacks


def test_a_file_of_one_clock_says_that_it_has_no_arrival_times(tmp_path: Path) -> None:
    row = change(1, "bid", "1", "1").replace(str(NOON_US - 4), str(NOON_US + 1))
    reading = opened(written(tmp_path / "f.csv", INCREMENTAL + row))
    documents(reading)

    assert Lack.ARRIVAL_TIMES in reading.lacks


@pytest.mark.parametrize(
    ("exchange", "symbol", "expected"),
    [
        ("binance", "BTCUSDT", "BTCUSDT.BINANCE"),
        ("binance-delivery", "BTCUSD_PERP", "BTCUSD_PERP.BINANCE_COINM"),
        ("bybit", "BTCUSDT", "BTCUSDT.BYBIT_LINEAR"),
        ("kraken", "XBT/USD", "XBT-USD.KRAKEN"),
        ("okex-swap", "BTC-USD-SWAP", "BTC-USD-SWAP.OKEX_SWAP"),
    ],
)
def test_exchanges_and_symbols_are_called_as_everywhere_else(exchange: str, symbol: str, expected: str) -> None:
    assert expected == str(instrument_of(exchange, symbol))


@settings(max_examples=20)
@given(cuts=st.integers(200, 2000), seed=st.integers(0, 50))
def test_messages_do_not_depend_on_where_blocks_are_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: int, seed: int
) -> None:
    rows = [
        change((n + seed) // 4, "bid" if (n * seed) % 3 else "ask", str(n % 7 + 1), str(n % 3), snapshot=n < seed)
        for n in range(60)
    ]
    path = written(tmp_path_factory.mktemp("cut") / "f.csv", INCREMENTAL + "".join(rows))
    whole, cut = opened(path), opened(path)
    cut._table._reader._chunk_bytes = cuts  # type: ignore[attr-defined]  # a limit no user may set

    assert documents(whole) == documents(cut)


def test_every_table_beside_the_project_imports_and_says_what_it_lacks(shared_data: Path, tmp_path: Path) -> None:
    found = {}
    for path in sorted((shared_data / "tardis").glob("*.csv*")):
        one = brought(path, tmp_path / path.name)
        found[path.name.split("_")[0]] = (one.landing.n_lines, [*map(str, one.lacks)])

    assert {
        "binance-futures": (11, ["updates", "update ids", "trades"]),
        "bitmex": (11, ["books", "trade ids"]),
        "bitstamp": (13_425, ["arrival times", "updates", "update ids", "trades"]),
        "deribit": (2, ["update ids", "trades"]),
    } == found


def test_a_cut_off_table_lands_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = gzip.compress((INCREMENTAL + "".join(change(n, "bid", "1", str(n + 1)) for n in range(60_000))).encode())

    one = brought(written(tmp_path / "f.csv.gz", whole[:-50]), tmp_path)

    assert one.landing.n_lines > 1000
    assert "cut off" in (one.landing.damage or "")


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b""])
def test_the_last_row_may_lack_the_end_of_its_line_or_half_of_it(tmp_path: Path, end: bytes) -> None:
    rows = [INCREMENTAL.strip(), change(1, "bid", "1", "1").strip(), change(2, "bid", "1", "2").strip()]

    one = brought(written(tmp_path / "f.csv", "\r\n".join(rows).encode() + end), tmp_path)

    assert b'["1","2"]' in content(one.landing.captures[0].path)


@settings(max_examples=40)
@example(rows=[b"\x00\r"])
@given(rows=st.lists(st.one_of(st.binary(max_size=40), st.text("0123456789.,eE-", max_size=40).map(str.encode))))
def test_whatever_a_row_holds_it_is_in_the_capture(tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]) -> None:
    odd = [row for row in rows if row.strip(b"\r") and b"\n" not in row]
    folder = tmp_path_factory.mktemp("odd")
    path = written(
        folder / "f.csv", b"\n".join([INCREMENTAL.strip().encode(), change(1, "bid", "1", "1").strip().encode(), *odd])
    )

    (capture,) = brought(path, folder).landing.captures

    kept = content(capture.path).split(b"\n")
    assert all(any(line.endswith(b" " + row.removesuffix(b"\r")) for line in kept) for row in odd)
