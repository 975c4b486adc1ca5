"""The steps that are measured, and who takes part in each.

Belongs here: the list. To add a contender: its function in contenders/, its entry here.
"""

from dataclasses import dataclass
from typing import Final

from benchmarks.race import Entry


@dataclass(frozen=True, slots=True)
class Step:
    """One race."""

    name: str
    title: str
    entries: tuple[Entry, ...]
    markets: tuple[str, ...] = ("BTCUSDT.BINANCE_USDM",)
    turns: int = 1
    needs_tables: bool = False


def _ours(name: str) -> Entry:
    return Entry("trading_assets", "ours", name, is_ours=True)


_JSON: Final = ("msgspec", "orjson", "simdjson", "json")

_DUCKDB: Final = Entry("duckdb", "frames", "duckdb")
_DUCKDB_TURNS: Final = 10
"""A hundred turns take it the better part of an hour."""

BOTH: Final = ("BTCUSDT.BINANCE_USDM", "BTCUSDT.BINANCE")
STEPS: Final = (
    Step(
        "decode",
        "decode: inflated lines → typed columns",
        (_ours("decode_only"), *(Entry(name, "json_decoders", f"{name}_only") for name in _JSON)),
        BOTH,
    ),
    Step(
        "gzip_decode",
        "gzip capture → typed columns",
        (_ours("decode"), *(Entry(name, "json_decoders", name) for name in _JSON)),
    ),
    Step(
        "book",
        "decoded levels → book at the end",
        (
            _ours("tops"),
            Entry("hftbacktest, replay", "hft", "book"),
            Entry("nautilus_trader, apply_deltas", "nautilus", "book"),
            Entry("sortedcontainers", "json_books", "book"),
        ),
    ),
    Step(
        "tops",
        "decoded levels → top 20 after every depth message",
        (
            _ours("tops"),
            Entry("hftbacktest, replay", "hft", "tops"),
            Entry("sortedcontainers", "json_books", "tops"),
        ),
    ),
    Step(
        "whole",
        "gzip capture → top 20 after every depth message",
        (
            _ours("book_alone"),
            Entry("trading_assets, with trades, tickers and gaps", "ours", "whole", is_ours=True),
            Entry("hftbacktest, convert and replay", "hft", "whole"),
            Entry("orjson + nautilus_trader's Rust book, by hand", "nautilus", "fast"),
            Entry("orjson + sortedcontainers", "json_books", "whole"),
        ),
    ),
    Step(
        "whole_nautilus",
        "the same, beside NautilusTrader's own pipeline",
        (_ours("book_alone"), Entry("nautilus_trader, its adapter, deltas and book", "nautilus", "whole")),
    ),
    Step(
        "whole_spot",
        "gzip capture → top 20 after every depth message",
        (_ours("book_alone"), Entry("orjson + sortedcontainers", "json_books", "whole")),
        ("BTCUSDT.BINANCE",),
    ),
    *(
        Step(
            "features",
            "published tables → features, equal columns",
            (_ours("features"), Entry("pandas", "frames", "pandas"), *((_DUCKDB,) if turns <= _DUCKDB_TURNS else ())),
            turns=turns,
            needs_tables=True,
        )
        for turns in (1, 10, 100)
    ),
)
