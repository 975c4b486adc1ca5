from pathlib import Path

import numpy as np
import pytest
from exported_tables import DAY, book_table, trade_table
from pyarrow import parquet

from trading_assets.errors import NotExportable
from trading_assets.exporting.nautilus import decimals, fixed_point, write_catalog
from trading_assets.exporting.nautilus_instrument import instrument_table
from trading_assets.identifiers import Instrument

SPOT = Instrument.parse("BTCUSDT.BINANCE")
BOOK = [(5, 3, 7, True, [(9.5, 0.25)], [(10.0, 2.0)]), (6, 4, 8, False, [], [])]


def raw(value: bytes) -> float:
    return int.from_bytes(value, "little") / 10**16


def test_a_row_becomes_deltas_of_which_the_last_says_so(tmp_path: Path) -> None:
    written = write_catalog(book_table(BOOK, tmp_path), None, tmp_path / "catalog", SPOT)

    table = parquet.read_table(written.files[1])
    assert [4, 1, 1, 4] == table["action"].to_pylist()
    assert [0, 1, 2, 0] == table["side"].to_pylist()
    assert [32, 32, 128, 128] == table["flags"].to_pylist()
    assert [0.0, 9.5, 10.0, 0.0] == [raw(value) for value in table["price"].to_pylist()]
    assert [0.0, 0.25, 2.0, 0.0] == [raw(value) for value in table["size"].to_pylist()]
    assert [7, 7, 7, 8] == table["sequence"].to_pylist()
    assert [(DAY + 3, DAY + 5)] * 3 == list(
        zip(*(table[c].to_pylist()[:3] for c in ("ts_event", "ts_init")), strict=True)
    )


def test_the_file_says_what_it_holds(tmp_path: Path) -> None:
    written = write_catalog(book_table(BOOK, tmp_path), None, tmp_path, SPOT)

    path = written.files[1]
    assert "data/order_book_delta/BTCUSDT.BINANCE" == str(path.parent.relative_to(tmp_path))
    assert "2024-08-08T00-00-00-000000005Z_2024-08-08T00-00-00-000000006Z.parquet" == path.name
    head = parquet.read_schema(path).metadata
    assert {b"instrument_id": b"BTCUSDT.BINANCE", b"price_precision": b"1", b"size_precision": b"2"} == head


def test_trades_keep_their_ids_and_the_side_of_the_aggressor(tmp_path: Path) -> None:
    tape = trade_table(
        [(5, 4, 11, 9.5, 1.0, "buy"), (6, 5, 12, 9.5, 1.0, "sell"), (7, 6, None, 9.5, 1.0, None)], tmp_path
    )

    written = write_catalog(book_table(BOOK, tmp_path), tape, tmp_path, SPOT)

    table = parquet.read_table(written.files[2])
    assert ["11", "12", "row-2"] == table["trade_id"].to_pylist()
    assert [1, 2, 0] == table["aggressor_side"].to_pylist()


def test_exporting_again_replaces_and_another_version_of_the_day_is_refused(tmp_path: Path) -> None:
    books = book_table(BOOK, tmp_path)

    first = write_catalog(books, None, tmp_path, SPOT)
    again = write_catalog(books, None, tmp_path, SPOT)

    assert first == again
    with pytest.raises(NotExportable, match="holds the same time"):
        write_catalog(book_table(BOOK[:1], tmp_path), None, tmp_path, SPOT)


@pytest.mark.parametrize(("value", "n_decimals"), [(61800.3, 1), (1e-12, 12), (12345678.12345678, 8), (1000.0, 0)])
def test_numbers_are_exact_at_sixteen_decimals(value: float, n_decimals: int) -> None:
    (found,) = fixed_point(np.array([value]), n_decimals).to_pylist()

    assert n_decimals == decimals(np.array([value]))
    assert round(value * 10**n_decimals) * 10 ** (16 - n_decimals) == int.from_bytes(found, "little")


def test_numbers_that_would_be_rounded_are_refused() -> None:
    with pytest.raises(NotExportable, match="more than a float holds"):
        fixed_point(np.array([1e15]), 8)
    with pytest.raises(NotExportable, match="more than the 16 decimals"):
        decimals(np.array([1e-17]))


@pytest.mark.parametrize(
    ("name", "kind", "base", "quote", "multiplier"),
    [
        ("BTCUSDT.BINANCE", "currency_pair", "BTC", "USDT", "1"),
        ("1000PEPEUSDC.BINANCE_USDM", "crypto_perpetual", "1000PEPE", "USDC", "1"),
        ("BTCUSD_PERP.BINANCE_COINM", "crypto_perpetual", "BTC", "USD", "100"),
        ("ETHUSD_PERP.BINANCE_COINM", "crypto_perpetual", "ETH", "USD", "10"),
    ],
)
def test_an_instrument_is_what_its_symbol_says(name: str, kind: str, base: str, quote: str, multiplier: str) -> None:
    found, table = instrument_table(Instrument.parse(name), 2, 3)

    (row,) = table.to_pylist()
    assert (kind, base, quote, multiplier) == (found, row["base_currency"], row["quote_currency"], row["multiplier"])
    assert ("0.01", "0.001") == (row["price_increment"], row["size_increment"])


@pytest.mark.parametrize("name", ["BTCUSD_240927.BINANCE_COINM", "AAPL.NASDAQ", "BTCUSDT_240927.BINANCE_USDM"])
def test_an_instrument_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(NotExportable, match="only pairs and perpetuals"):
        instrument_table(Instrument.parse(name), 2, 3)
