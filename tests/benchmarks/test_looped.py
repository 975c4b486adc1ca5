import gzip
from datetime import date
from pathlib import Path

import pytest

from benchmarks.looped import NotLoopable, loop_capture
from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import Messages
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day

DAY = date(2024, 8, 8)
START = 1_723_161_255_000_000_000
REST = {
    "BINANCE": '{"lastUpdateId":10,"bids":[["99.0","1.0"]],"asks":[["101.0","1.0"]]}',
    "BINANCE_USDM": '{"lastUpdateId":10,"E":1723161256000,"T":1723161256000,'
    '"bids":[["99.0","1.0"]],"asks":[["101.0","1.0"]]}',
    "BINANCE_COINM": '{"lastUpdateId":10,"E":1723161256000,"T":1723161256000,"symbol":"BTCUSD_PERP","pair":"BTCUSD",'
    '"bids":[["99.0","1.0"]],"asks":[["101.0","1.0"]]}',
}


def update(instrument: Instrument, ids: tuple[int, int, int], bids: str, asks: str) -> str:
    before, first, last = ids
    spot = instrument.venue == "BINANCE"
    pair = '"ps":"BTCUSD",' if instrument.venue == "BINANCE_COINM" else ""
    clock, previous = ("", "") if spot else ('"T":1723161256001,', f'"pu":{before},')
    return (
        f'{{"e":"depthUpdate","E":1723161256001,{clock}"s":"{instrument.symbol}",{pair}"U":{first},"u":{last},{previous}'
        f'"b":{bids},"a":{asks}}}'
    )


def trade(instrument: Instrument, trade_id: int) -> str:
    spot = instrument.venue == "BINANCE"
    clock = "" if spot else '"T":1723161256002,'
    rest = '"T":1723161256002,"m":true,"M":true' if spot else '"X":"MARKET","m":true'
    return (
        f'{{"e":"trade","E":1723161256002,{clock}"s":"{instrument.symbol}","t":{trade_id},"p":"99.0","q":"1.0",{rest}}}'
    )


def recording(instrument: Instrument, folder: Path) -> Path:
    """One trade and one update before the snapshot; then the price rises through the ask of the snapshot."""
    messages = [
        trade(instrument, 6),
        update(instrument, (7, 8, 9), '[["98.0","3.0"]]', "[]"),
        REST[instrument.venue],
        update(instrument, (9, 10, 12), "[]", '[["101.0","0.0"],["103.0","1.0"]]'),
        trade(instrument, 7),
        update(instrument, (12, 13, 14), '[["102.0","2.0"]]', "[]"),
    ]
    lines = (f"{START + n * 1_000_000} {message}\n" for n, message in enumerate(messages))
    path = folder / "source.jsonl.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


def rebuilt(path: Path, instrument: Instrument) -> tuple[Messages, RawDay]:
    messages = decode([gzip.decompress(path.read_bytes())], instrument=instrument)
    return messages, rebuild_day(messages, None, day=DAY, instrument=instrument, depth=3)


@pytest.mark.parametrize("name", ["BTCUSDT.BINANCE", "BTCUSDT.BINANCE_USDM", "BTCUSD_PERP.BINANCE_COINM"])
def test_turns_join_without_a_break_and_each_begins_with_the_book_of_the_snapshot(name: str, tmp_path: Path) -> None:
    instrument = Instrument.parse(name)

    loop_capture(recording(instrument, tmp_path), tmp_path / "out.gz", 3)
    messages, day = rebuilt(tmp_path / "out.gz", instrument)

    tops = day.snapshots.select(schema.level("bid", "px", 0), schema.level("ask", "px", 0)).rows()
    turn = [(99.0, 103.0), (102.0, 103.0)]
    assert [(None, None), (99.0, 101.0), *turn, (99.0, 101.0), *turn, (99.0, 101.0), *turn] == tops
    assert day.snapshots[schema.IS_VALID][1:].all()
    assert ["no_snapshot"] == day.gaps[schema.CAUSE].to_list()
    assert [6, 7, 8, 9] == day.trades[schema.TRADE_ID].to_list()
    assert () == messages.dead_letters


def test_no_clock_runs_back_and_the_recording_begins_after_midnight(tmp_path: Path) -> None:
    instrument = Instrument.parse("BTCUSDT.BINANCE_USDM")

    loop_capture(recording(instrument, tmp_path), tmp_path / "out.gz", 3)

    times = [int(line.split(b" ")[0]) for line in gzip.decompress((tmp_path / "out.gz").read_bytes()).splitlines()]
    assert sorted(times) == times
    assert 1_723_075_201_000_000_000 == times[0]


def test_equal_calls_write_equal_bytes(tmp_path: Path) -> None:
    source = recording(Instrument.parse("BTCUSDT.BINANCE"), tmp_path)

    loop_capture(source, tmp_path / "a", 5)
    loop_capture(source, tmp_path / "b", 5)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_more_turns_than_a_day_holds_and_a_recording_without_snapshot_are_refused(tmp_path: Path) -> None:
    source = recording(Instrument.parse("BTCUSDT.BINANCE"), tmp_path)
    lines = [
        line for line in gzip.decompress(source.read_bytes()).splitlines(keepends=True) if b"lastUpdateId" not in line
    ]
    (tmp_path / "none.gz").write_bytes(gzip.compress(b"".join(lines)))

    with pytest.raises(NotLoopable, match="longer than a day"):
        loop_capture(source, tmp_path / "out.gz", 10**8)
    with pytest.raises(NotLoopable, match="no REST snapshot"):
        loop_capture(tmp_path / "none.gz", tmp_path / "out.gz", 2)


@pytest.mark.parametrize("market", ["binance", "binance_usdm"])
def test_a_looped_real_recording_agrees_with_the_ticker_of_the_venue(
    market: str, shared_data: Path, tmp_path: Path
) -> None:
    instrument = Instrument("BTCUSDT", market.upper())

    loop_capture(shared_data / f"captures/{market}/BTCUSDT/2024-08-08.jsonl.gz", tmp_path / "out.gz", 2)
    _, day = rebuilt(tmp_path / "out.gz", instrument)

    top = [schema.level(side, field, 0) for side in schema.SIDES for field in schema.FIELDS]
    both = day.snapshots.filter(schema.IS_VALID).join(day.tickers, on=schema.SEQ_LAST, suffix="_ticker")
    assert len(both) > 1_000
    assert both.select(top).equals(
        both.select(f"{name}_ticker" for name in top).rename(lambda x: x.removesuffix("_ticker"))
    )
    assert day.snapshots[schema.IS_VALID].mean() > 0.999
    assert {"clock_skew", "no_snapshot"} >= set(day.gaps[schema.CAUSE].cast(str))
