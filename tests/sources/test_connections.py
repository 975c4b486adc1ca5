import gzip
from datetime import date
from pathlib import Path

import pytest
from capture_files import content
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.sections import CaptureSettings
from trading_assets.sources.landing import Landing, land_capture
from trading_assets.sources.lines import line_starts
from trading_assets.sources.survey import name_of, names_of

MIDNIGHT = 1_786_320_000_000_000_000
BTC, ETH = "BTC-USD", "ETH-USD"


def line(ts_recv: int, number: int, product: str | None) -> bytes:
    event = f'{{"type":"update","product_id":"{product}","updates":[]}}' if product else "{}"
    channel = "l2_data" if product else "heartbeats"
    return (
        f'{ts_recv} {{"channel":"{channel}","timestamp":"2026-08-10T00:00:00Z","sequence_num":{number},'
        f'"events":[{event}]}}\n'
    ).encode()


def mark(ts_recv: int, kind: str, number: int) -> bytes:
    return f'{ts_recv} {{"interchange":"{kind}","at":{number}}}\n'.encode()


def land(path: Path, said: Instrument | None = None, venue: str | None = None) -> Landing:
    return land_capture(
        path,
        landing=path.parent / "landing",
        instrument=said,
        settings=CaptureSettings(),
        start_day=date(2020, 1, 1),
        today=date(2026, 11, 22),
        venue=venue,
    )


def landed(tmp_path: Path, *lines: bytes, venue: str | None = None) -> dict[str, list[bytes]]:
    path = tmp_path / "recording.jsonl"
    path.write_bytes(b"".join(lines))
    captures = land(path, venue=venue).captures
    return {str(capture.partition): content(capture.path).splitlines(keepends=True) for capture in captures}


def test_each_capture_says_where_the_connections_numbers_are_unbroken(tmp_path: Path) -> None:
    lines = [line(MIDNIGHT + n, n, product) for n, product in enumerate([None, BTC, ETH, BTC])]
    lines += [line(MIDNIGHT + n, n, product) for n, product in [(9, ETH), (10, BTC), (11, None)]]

    assert landed(tmp_path, *lines) == {
        "2026-08-10|BTC-USD.COINBASE": [
            mark(MIDNIGHT, "resumed", 0), lines[0], lines[1], lines[3], mark(MIDNIGHT + 3, "paused", 3),
            mark(MIDNIGHT + 10, "resumed", 9), lines[5], lines[6], mark(MIDNIGHT + 11, "paused", 11),
        ],
        "2026-08-10|ETH-USD.COINBASE": [
            mark(MIDNIGHT + 2, "resumed", 0), lines[2], mark(MIDNIGHT + 2, "paused", 3),
            mark(MIDNIGHT + 9, "resumed", 9), lines[4], mark(MIDNIGHT + 9, "paused", 11),
        ],
    }  # fmt: skip


def test_a_mark_stays_in_the_day_of_its_line(tmp_path: Path) -> None:
    lines = [line(MIDNIGHT - 2, 5, ETH), line(MIDNIGHT - 1, 6, BTC), line(MIDNIGHT, 7, BTC), line(MIDNIGHT + 1, 9, BTC)]

    assert landed(tmp_path, *lines) == {
        "2026-08-09|ETH-USD.COINBASE": [mark(MIDNIGHT - 2, "resumed", 5), lines[0], mark(MIDNIGHT - 2, "paused", 7)],
        "2026-08-09|BTC-USD.COINBASE": [mark(MIDNIGHT - 1, "resumed", 5), lines[1]],
        "2026-08-10|BTC-USD.COINBASE": [
            lines[2], mark(MIDNIGHT, "paused", 7),
            mark(MIDNIGHT + 1, "resumed", 9), lines[3], mark(MIDNIGHT + 1, "paused", 9),
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "runs"),
    [
        ([4, 5, 6], [(4, 6)]),
        ([4, 4, 5], [(4, 5)]),  # a repeated line loses nothing
        ([4, 6], [(4, 4), (6, 6)]),
        ([8, 9, 0, 1], [(8, 9), (0, 1)]),  # another connection
        ([4, 6, 5, 7], [(4, 4), (6, 6), (5, 5), (7, 7)]),  # out of order: nobody knows that book
    ],
)
def test_only_the_next_number_or_the_same_goes_on(
    tmp_path: Path, numbers: list[int], runs: list[tuple[int, int]]
) -> None:
    lines = [line(MIDNIGHT + n, number, BTC) for n, number in enumerate(numbers)]
    (capture,) = landed(tmp_path, *lines).values()

    marks = [text.split(b" ", 1)[1] for text in capture if b"interchange" in text]
    expected = [mark(0, kind, at)[2:] for run in runs for kind, at in zip(("resumed", "paused"), run, strict=True)]
    assert expected == marks


def test_a_capture_that_was_split_before_keeps_its_marks_and_gets_no_others(tmp_path: Path) -> None:
    landed(tmp_path, *(line(MIDNIGHT + n, n, product) for n, product in enumerate([BTC, ETH, BTC])))
    (split,) = (tmp_path / "landing").rglob("BTC*/*.zst")

    (again,) = land(split).captures

    assert content(split) == content(again.path)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([BTC, ETH, None])), min_size=1, max_size=30))
def test_all_lines_land_once_and_in_order_whatever_their_numbers(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[int, str | None]]
) -> None:
    lines = [line(MIDNIGHT + n, number, product) for n, (number, product) in enumerate([(0, BTC), *said])]
    captures = landed(tmp_path_factory.mktemp("any"), *lines).values()

    own = sorted(text for capture in captures for text in capture if b"interchange" not in text)
    assert sorted(lines) == own
    assert all(capture == sorted(capture, key=lambda text: int(text[:19])) for capture in captures)


@pytest.mark.parametrize(
    ("venue", "n_lines", "symbols"),
    [
        ("kraken/mixed", 4430, 10),
        ("coinbase/mixed", 1030, 2),
        ("bybit/linear", 2546, 4),
        ("bybit/spot", 681, 2),
    ],
)
def test_a_recording_of_a_connection_lands_in_each_of_its_instruments(
    shared_data: Path, tmp_path: Path, venue: str, n_lines: int, symbols: int
) -> None:
    (source,) = (shared_data / "captures" / venue).glob("*.gz")
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes())

    landing = land(path)

    lines = [text for capture in landing.captures for text in content(capture.path).splitlines() if text]
    marks = [text for text in lines if b'{"interchange"' in text]
    assert (n_lines, symbols) == (landing.n_lines, len(landing.captures))
    assert sorted(gzip.decompress(source.read_bytes()).splitlines()) == sorted(set(lines) - set(marks), key=bytes)
    assert len(marks) == (4 if "coinbase" in venue else 0)


BYBIT_BOOK = b'%d {"topic":"orderbook.%d.BTCUSDT","type":"delta","ts":5,"data":{"s":"BTCUSDT"}}\n'
BYBIT_TICKER = b'%d {"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"1"}}\n'
KRAKEN_BOOK = b'%d [0,{"a":[],"c":"1"},"book-%d","XBT/USD"]\n'


def test_lines_that_do_not_tell_their_market_take_it_from_those_that_do(tmp_path: Path) -> None:
    lines = [BYBIT_BOOK % (MIDNIGHT + n, 200) for n in range(3)]

    assert ["2026-08-10|BTCUSDT.BYBIT_LINEAR"] == list(landed(tmp_path, *lines, BYBIT_TICKER % (MIDNIGHT + 4)))


def test_a_file_that_nowhere_tells_its_market_must_be_told(tmp_path: Path) -> None:
    lines = [BYBIT_BOOK % (MIDNIGHT + n, 200) for n in range(3)]

    with pytest.raises(NotACapture, match="--venue"):
        landed(tmp_path, *lines)
    assert ["2026-08-10|BTCUSDT.BYBIT_SPOT"] == list(landed(tmp_path, *lines, venue="BYBIT_SPOT"))
    assert land(tmp_path / "recording.jsonl", said=Instrument.parse("BTCUSDT.BYBIT_LINEAR")).captures


def test_a_market_that_lines_contradict_or_that_nothing_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotACapture, match="BYBIT_LINEAR"):
        landed(tmp_path, BYBIT_TICKER % MIDNIGHT, venue="BYBIT_SPOT")
    with pytest.raises(NotACapture, match="a venue is one of"):
        landed(tmp_path, BYBIT_TICKER % MIDNIGHT, venue="BYBIT")


def test_books_of_two_depths_are_refused_but_the_best_prices_may_run_beside(tmp_path: Path) -> None:
    with pytest.raises(NotACapture, match="50 and 200 levels of BTCUSDT"):
        landed(tmp_path, BYBIT_TICKER % MIDNIGHT, BYBIT_BOOK % (MIDNIGHT, 200), BYBIT_BOOK % (MIDNIGHT, 50))
    with pytest.raises(NotACapture, match="10 and 1000 levels of XBT/USD"):
        landed(tmp_path, KRAKEN_BOOK % (MIDNIGHT, 1000), KRAKEN_BOOK % (MIDNIGHT, 10))
    assert landed(tmp_path, BYBIT_TICKER % MIDNIGHT, BYBIT_BOOK % (MIDNIGHT, 200), BYBIT_BOOK % (MIDNIGHT, 1))


@pytest.mark.parametrize("text", [b"[0", b"[0,", b"[", b"[0]", b'[0,{"a":[]},"trade","1INCH/EUR"]', b'[{"s":"BTC"}]'])
def test_a_list_is_asked_at_its_end_also_when_it_is_cut_off(text: bytes) -> None:
    chunk = b"%d %s\n%d %s" % (MIDNIGHT, text, MIDNIGHT, text)
    starts = line_starts(chunk)

    at, names = names_of(chunk, starts)

    assert [name_of(chunk[starts[n] : starts[n + 1]]) for n in at] == names
