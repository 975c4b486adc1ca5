"""Level-2 order books from the wire to a forecast, as one audited Dagster asset graph."""

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def read(
    asset: str, instrument: str, start: date | str, end: date | str, *, as_of: str | None = None
) -> "pl.LazyFrame":
    """Return the published rows of a table over some days, both included; with `as_of`, as a snapshot names them.

    `read("book_features", "BTCUSDT.BINANCE", "2024-08-08", "2024-08-09")` is a frame of two days.
    Only what its gate passed can be read, and its bytes are verified first.

    Raises:
        InvalidIdentifier: the instrument or a day is not one.
        NoSnapshot: there is no such snapshot.
        NotPublished: a recorded day of the window has no published version.
        CorruptObject: a file's bytes are not those that were published.
    """
    from trading_assets.reading import read_table  # noqa: PLC0415 - importing the package must stay cheap

    return read_table(asset, instrument, start, end, as_of=as_of)
