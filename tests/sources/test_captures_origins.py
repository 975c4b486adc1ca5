import random
from pathlib import Path

import pytest
from capture_files import NOON, lines_of, spot_snapshot, spot_ticker, usdm_depth

from trading_assets.sources.lines import line_starts
from trading_assets.sources.survey import Name, name_of, names_of


def test_a_line_names_its_symbol_and_market_or_is_known_as_a_snapshot() -> None:
    assert Name("BTCUSDT", "BINANCE") == name_of(spot_ticker(NOON))
    assert Name("ETHUSDT", "BINANCE_USDM") == name_of(usdm_depth(NOON, "ETHUSDT"))
    assert Name(None, None, is_snapshot=True) == name_of(spot_snapshot(NOON))


def test_symbols_that_differ_in_digits_only_are_told_apart() -> None:
    symbols = ["BTCUSD_240927", "BTCUSD_241227", "1000SHIBUSDT", "SHIBUSDT", "BTCUSD_240927"]
    chunk = b"".join(usdm_depth(NOON, symbol) for symbol in symbols)

    at, names = names_of(chunk, line_starts(chunk))

    assert list(range(5)) == at.tolist()
    assert symbols == [name.symbol for name in names]


@pytest.mark.parametrize("source", ["binance", "binance_usdm", "bybit", "kraken", "coinbase"])
def test_asking_lines_by_their_shape_is_asking_each_line(shared_data: Path, source: str) -> None:
    dice = random.Random(7)
    lines = [line for path in (shared_data / "captures" / source).rglob("*.gz") for line in lines_of(path)[:1500]]
    for line in list(lines):
        at = dice.randrange(min(len(line), 300))
        lines.append(line[:at] + bytes([dice.randrange(11, 256)]) + line[at + 1 :].rstrip(b"\n") + b"\n")
    chunk = b"".join(lines)
    starts = line_starts(chunk)

    at, names = names_of(chunk, starts)

    assert [name_of(chunk[starts[n] : starts[n + 1]]) for n in at] == names
