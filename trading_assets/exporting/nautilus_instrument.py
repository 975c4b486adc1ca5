"""What NautilusTrader wants to know of an instrument, as far as its name and its table tell.

Belongs here: currencies, contract and increments of Binance's markets. Does not: data (nautilus).

Sources: Binance's documents ("Symbol naming" and contract specifications: a COIN-M contract is worth 100 USD of BTC, 10
USD of any other coin), and the fields of NautilusTrader's `CurrencyPair` and `CryptoPerpetual`. Increments are the
smallest power of ten seen in the partition. Fees, margins and limits are account matters that no recording tells: zero,
or absent.
"""

import re
from typing import Final

import pyarrow as pa

from trading_assets.errors import NotExportable
from trading_assets.identifiers import Instrument
from trading_assets.venues.binance import COINM, SPOT, USDM

_QUOTES: Final = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")
_COINM: Final = re.compile(r"(?P<base>[A-Z0-9]+)USD_PERP")
_BTC_CONTRACT_USD: Final = 100
_COIN_CONTRACT_USD: Final = 10
_WORD: Final = pa.dictionary(pa.int16(), pa.string())
_HEAD: Final = {"id": pa.dictionary(pa.int64(), pa.string()), "raw_symbol": pa.string()}
_PRECISION: Final = {
    "price_precision": pa.uint8(),
    "size_precision": pa.uint8(),
    "price_increment": _WORD,
    "size_increment": _WORD,
    "multiplier": _WORD,
}
_LIMITS: Final = dict.fromkeys(
    ("max_quantity", "min_quantity", "max_notional", "min_notional", "max_price", "min_price"), _WORD
)
_COSTS: Final = dict.fromkeys(("margin_init", "margin_maint", "maker_fee", "taker_fee"), pa.string())
_TAIL: Final = {"info": pa.binary(), "ts_event": pa.uint64(), "ts_init": pa.uint64()}
_PAIR: Final = pa.schema(
    {
        **_HEAD,
        **dict.fromkeys(("base_currency", "quote_currency"), _WORD),
        **_PRECISION,
        "lot_size": _WORD,
        **_LIMITS,
        **_COSTS,
        **_TAIL,
    },
    metadata={"class": "CurrencyPair"},
)
_PERPETUAL: Final = pa.schema(
    {
        **_HEAD,
        **dict.fromkeys(("base_currency", "quote_currency", "settlement_currency"), _WORD),
        "is_inverse": pa.bool_(),
        **_PRECISION,
        **_LIMITS,
        **_COSTS,
        **_TAIL,
    },
    metadata={"class": "CryptoPerpetual"},
)


def instrument_table(instrument: Instrument, px_decimals: int, sz_decimals: int) -> tuple[str, pa.Table]:
    """Return the name of the instrument's kind in a catalogue, and its one row.

    Args:
        instrument: of a market of Binance.
        px_decimals: of its prices.
        sz_decimals: of its sizes.

    Raises:
        NotExportable: what the symbol stands for is not known.
    """
    base, quote = _currencies(instrument)
    row = {
        "id": str(instrument),
        "raw_symbol": instrument.symbol,
        "base_currency": base,
        "quote_currency": quote,
        "price_precision": px_decimals,
        "size_precision": sz_decimals,
        "price_increment": _increment(px_decimals),
        "size_increment": _increment(sz_decimals),
        "multiplier": "1",
        **dict.fromkeys(_COSTS, "0"),
        "info": b"null",
        "ts_event": 0,
        "ts_init": 0,
    }
    if instrument.venue == SPOT:
        return "currency_pair", pa.Table.from_pylist([row], _PAIR)
    inverse = instrument.venue == COINM
    row |= {"is_inverse": inverse, "settlement_currency": base if inverse else quote}
    if inverse:
        row["multiplier"] = str(_BTC_CONTRACT_USD if base == "BTC" else _COIN_CONTRACT_USD)
    return "crypto_perpetual", pa.Table.from_pylist([row], _PERPETUAL)


def _currencies(instrument: Instrument) -> tuple[str, str]:
    symbol = instrument.symbol
    if instrument.venue == COINM and (match := _COINM.fullmatch(symbol)):
        return match["base"], "USD"
    if instrument.venue in {SPOT, USDM} and "_" not in symbol:
        for quote in _QUOTES:
            if symbol.endswith(quote) and symbol != quote:
                return symbol.removesuffix(quote), quote
    raise NotExportable(
        f"{instrument}: only pairs and perpetuals of Binance are known well enough to name their currencies"
    )


def _increment(n_decimals: int) -> str:
    return f"{10.0**-n_decimals:.{n_decimals}f}"
