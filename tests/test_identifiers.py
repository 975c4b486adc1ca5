from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.errors import InvalidIdentifier
from trading_assets.identifiers import MAX_LENGTH, Instrument, Partition, parse_day

HOSTILE = [
    "../../etc/passwd",
    "..",
    "",
    ".",
    "BTCUSDT",
    "BTCUSDT.",
    ".BINANCE",
    "BTC/USDT.BINANCE",
    "BTCUSDT.BINANCE/..",
    "BTC'USDT.BINANCE",
    'BTC"USDT.BINANCE',
    "BTCUSDT.BINANCE\x00",
    "BTCUSDT.BINANCE\n",
    " BTCUSDT.BINANCE",
    "-BTC.BINANCE",
    "BTCUSDT.binance",
    "\uff22TC.BINANCE",
    "BTCUSDT.BINANCE|x",
    "A" * 4096 + ".BINANCE",
    "A.B.C",
]


@pytest.mark.parametrize("text", ["BTCUSDT.BINANCE", "BTCUSD_PERP.BINANCE_COINM", "BTC-USD.COINBASE", "1INCH.X1"])
def test_an_instrument_is_what_it_was_parsed_from(text: str) -> None:
    assert text == str(Instrument.parse(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_instruments_are_refused_in_one_short_printable_line(text: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        Instrument.parse(text)

    message = str(refused.value)
    assert message.isprintable()
    assert len(message) < 10 * MAX_LENGTH


@pytest.mark.parametrize(
    "text", [*HOSTILE, "2024-08-08", "2024-08-08|", "|BTCUSDT.BINANCE", "2024-13-01|BTCUSDT.BINANCE"]
)
def test_hostile_partitions_are_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        Partition.parse(text)


@pytest.mark.parametrize("text", ["2024-8-8", "20240808", "2024-02-30", "२०२४-०८-०८", "2024-08-08T00:00", "0000-01-01"])
def test_only_whole_iso_days_are_days(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="YYYY-MM-DD"):
        parse_day(text)


def test_a_partition_is_its_day_and_instrument() -> None:
    partition = Partition.parse("2024-08-08|BTCUSDT.BINANCE")

    assert (date(2024, 8, 8), "BTCUSDT.BINANCE") == (partition.day, str(partition.instrument))
    assert "2024-08-08|BTCUSDT.BINANCE" == str(partition)


@given(st.text(max_size=100))
def test_whatever_is_parsed_can_be_a_file_name(text: str) -> None:
    try:
        parsed = str(Instrument.parse(text))
    except InvalidIdentifier:
        return

    assert parsed == text
    assert not set(parsed) & set("/\\|'\"\x00 \n")
    assert parsed not in {".", ".."}
