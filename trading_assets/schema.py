"""Column names, dtypes and units of every published table: each column is spelled here once.

Belongs here: names and dtypes that two modules share.
Does not: how a column is computed.
"""

from collections.abc import Sequence
from typing import Final, Literal

import polars as pl

Side = Literal["bid", "ask"]
Field = Literal["px", "sz"]

TIME: Final = pl.Datetime("ns", "UTC")
SIDES: Final[tuple[Side, Side]] = ("bid", "ask")
FIELDS: Final[tuple[Field, Field]] = ("px", "sz")

TS_EVENT: Final = "ts_event"
TS_RECV: Final = "ts_recv"
TS_GRID: Final = "ts_grid"
SEQ_FIRST: Final = "seq_first"
SEQ_LAST: Final = "seq_last"
IS_VALID: Final = "is_valid"
TRADE_ID: Final = "trade_id"
PX: Final = "px"
SZ: Final = "sz"
AGGRESSOR_SIDE: Final = "aggressor_side"
TS_START: Final = "ts_start"
TS_KNOWN: Final = "ts_known"
TS_END: Final = "ts_end"
SEQ_BEFORE: Final = "seq_before"
SEQ_AFTER: Final = "seq_after"
CAUSE: Final = "cause"
LINE_NO: Final = "line_no"
OFFSET: Final = "offset"
N_BYTES: Final = "n_bytes"
REASON: Final = "reason"
RAW: Final = "raw"
MODEL_VERSION: Final = "model_version"

AGGRESSOR: Final = pl.Enum(["buy", "sell"])
BOOK_CAUSES: Final = ("no_snapshot", "sequence_gap", "resync", "crossed", "checksum")
"""Gaps in which the book is not known."""
GAP_CAUSES: Final = (*BOOK_CAUSES, "trade_gap", "clock_skew")


def level(side: Side, field: Field, depth: int) -> str:
    """Name one rung of the ladder: `level("bid", "px", 0)` is `bid_px_00`."""
    return f"{side}_{field}_{depth:02d}"


def l2_snapshots(depth: int) -> dict[str, pl.DataType]:
    """`raw_l2_snapshots`: prices and sizes are Float64 in the venue's units, null where the book has fewer levels."""
    levels = {level(side, field, n): pl.Float64() for n in range(depth) for side in SIDES for field in FIELDS}
    return {
        TS_EVENT: TIME,
        TS_RECV: TIME,
        SEQ_FIRST: pl.Int64(),
        SEQ_LAST: pl.Int64(),
        IS_VALID: pl.Boolean(),
        **levels,
    }


TRADES: Final[dict[str, pl.DataType]] = {
    TS_EVENT: TIME,
    TS_RECV: TIME,
    TRADE_ID: pl.Int64(),
    PX: pl.Float64(),
    SZ: pl.Float64(),
    AGGRESSOR_SIDE: AGGRESSOR,
}

FEED_GAPS: Final[dict[str, pl.DataType]] = {
    TS_START: TIME,
    TS_KNOWN: TIME,
    TS_END: TIME,
    SEQ_BEFORE: pl.Int64(),
    SEQ_AFTER: pl.Int64(),
    CAUSE: pl.Enum(GAP_CAUSES),
}

DEAD_LETTERS: Final[dict[str, pl.DataType]] = {
    LINE_NO: pl.Int64(),
    OFFSET: pl.Int64(),
    N_BYTES: pl.Int64(),
    REASON: pl.String(),
    RAW: pl.Binary(),
}


def horizon(seconds: float) -> str:
    """Spell a span in a column name: 10.0 is `10s`, 0.5 is `500ms`."""
    return f"{seconds:g}s" if seconds >= 1 and seconds == int(seconds) else f"{round(seconds * 1000)}ms"


def ret_fwd_bps(seconds: float) -> str:
    """Name a forward-return label: `ret_fwd_10s_bps`."""
    return f"ret_fwd_{horizon(seconds)}_bps"


def class_fwd(seconds: float) -> str:
    """Name a forward-direction label: `class_fwd_10s`."""
    return f"class_fwd_{horizon(seconds)}"


def forecast_bps(seconds: float) -> str:
    """Name a forecast of the forward return: `forecast_10s_bps`."""
    return f"forecast_{horizon(seconds)}_bps"


def labels(horizons_s: Sequence[float]) -> dict[str, pl.DataType]:
    """`labels`: forward return in basis points and its class (-1, 0, 1) at each horizon; null where unknown."""
    returns = {ret_fwd_bps(h): pl.Float64() for h in horizons_s}
    classes = {class_fwd(h): pl.Int8() for h in horizons_s}
    return {TS_GRID: TIME, **returns, **classes}


def forecasts(horizons_s: Sequence[float]) -> dict[str, pl.DataType]:
    """`forecasts`: one row a grid tick, the md5 of the model that made it, one forecast a horizon."""
    return {TS_GRID: TIME, MODEL_VERSION: pl.String(), **{forecast_bps(h): pl.Float64() for h in horizons_s}}
