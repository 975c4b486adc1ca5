import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from block_sizes import blocks_of
from PIL import Image

from trading_assets import schema
from trading_assets.raw.book_plots import draw_book, gap_spans, heat_map
from trading_assets.raw.feed_plots import draw_capture, draw_dead_letters, draw_gaps, draw_trades

START = datetime(2024, 8, 8, tzinfo=UTC)
DEPTH = 3
Change = Callable[[pl.DataFrame], pl.DataFrame]
LEVELS = pl.selectors.matches("^(bid|ask)_(px|sz)_")
MAX_BYTES = 150_000


def book(rows: int) -> pl.DataFrame:
    times = pl.Series([START + timedelta(seconds=n) for n in range(rows)], dtype=schema.TIME)
    columns = {schema.TS_EVENT: times, schema.TS_RECV: times, schema.SEQ_FIRST: range(rows)}
    columns |= {schema.SEQ_LAST: range(rows), schema.IS_VALID: [True] * rows}
    for n in range(DEPTH):
        for side, sign in (("bid", -1), ("ask", 1)):
            columns[schema.level(side, "px", n)] = [100.0 + sign * (n + 0.5)] * rows
            columns[schema.level(side, "sz", n)] = [float(n + 1)] * rows
    return pl.DataFrame(columns).cast(pl.Schema(schema.l2_snapshots(DEPTH)))


def gaps(*rows: tuple[int, int | None, str]) -> pl.DataFrame:
    at = [(START + timedelta(seconds=s), None if e is None else START + timedelta(seconds=e), c) for s, e, c in rows]
    columns = {
        schema.TS_START: [start for start, _, _ in at],
        schema.TS_KNOWN: [start for start, _, _ in at],
        schema.TS_END: [end for _, end, _ in at],
        schema.SEQ_BEFORE: [None] * len(at),
        schema.SEQ_AFTER: [None] * len(at),
        schema.CAUSE: [cause for _, _, cause in at],
    }
    return pl.DataFrame(columns, strict=False).cast(pl.Schema(schema.FEED_GAPS))


def trades(rows: int) -> pl.DataFrame:
    times = [START + timedelta(seconds=n) for n in range(rows)]
    sides = [("buy", "sell")[n % 2] for n in range(rows)]
    columns = (times, times, range(rows), [100.0] * rows, [1.0] * rows, sides)
    return pl.DataFrame(dict(zip(schema.TRADES, columns, strict=True))).cast(pl.Schema(schema.TRADES))


NUMBERS: list[tuple[str, Change]] = [
    ("sound", lambda table: table),
    ("empty", lambda table: table.head(0)),
    ("one row", lambda table: table.head(1)),
    ("null", lambda table: table.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in floats(table))),
    ("nan", lambda table: table.with_columns(pl.lit(float("nan")).alias(name) for name in floats(table))),
    ("huge", lambda table: table.with_columns(pl.lit(1.7e308).alias(name) for name in floats(table))),
    ("tiny", lambda table: table.with_columns(pl.lit(5e-324).alias(name) for name in floats(table))),
    ("negative", lambda table: table.with_columns(pl.lit(-1.0).alias(name) for name in floats(table))),
]
CHANGES = pytest.mark.parametrize("change", [change for _, change in NUMBERS], ids=[name for name, _ in NUMBERS])


def floats(table: pl.DataFrame) -> list[str]:
    return table.select(pl.selectors.float()).columns


def is_small_picture(png: bytes) -> bool:
    picture = Image.open(io.BytesIO(png))
    picture.load()
    return picture.format == "PNG" and len(png) < MAX_BYTES


@CHANGES
def test_any_book_is_drawn(change: Change) -> None:
    with np.errstate(all="ignore"):
        png = draw_book(change(book(300)).lazy(), gaps((10, 20, "sequence_gap"), (250, None, "crossed")), title="$x$")

    assert is_small_picture(png)


@CHANGES
def test_any_trades_are_drawn(change: Change) -> None:
    with np.errstate(all="ignore"):
        assert is_small_picture(draw_trades(change(trades(300)).lazy(), title="x"))


@pytest.mark.parametrize("ledger", [gaps(), gaps((0, None, "no_snapshot")), gaps((-90_000, 5, "resync"))])
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_any_ledger_is_drawn(ledger: pl.DataFrame, rows: int) -> None:
    assert is_small_picture(draw_gaps(ledger, book(rows), title="x"))


def test_clocks_that_were_never_both_told_are_no_obstacle() -> None:
    unsent = book(9).with_columns(pl.lit(None, dtype=schema.TIME).alias(schema.TS_EVENT))

    assert is_small_picture(draw_gaps(gaps(), unsent, title="x"))


@pytest.mark.parametrize("times", [[], [1_700_000_000 * 10**9], [-(2**62), 2**62], list(range(0, 10**12, 10**9))])
def test_any_receive_times_are_drawn(times: list[int]) -> None:
    assert is_small_picture(draw_capture([np.array(times, np.int64)], title="x"))


@pytest.mark.parametrize("reason", ["not JSON", "$\\frac{", "\x1b[31m" * 90, "\ud7ff逐"])
def test_reasons_of_dead_letters_are_text_and_never_formulas(reason: str) -> None:
    letters = pl.DataFrame({schema.REASON: [reason] * 3})

    assert is_small_picture(draw_dead_letters(letters.lazy(), title="x"))


def test_no_dead_letters_are_a_picture_too() -> None:
    assert is_small_picture(draw_dead_letters(pl.DataFrame(schema=schema.DEAD_LETTERS).lazy(), title="x"))


def test_the_heat_map_holds_what_rests_at_its_distance_from_the_mid() -> None:
    table = book(10)
    heat = heat_map(table.lazy())

    assert heat
    asks = heat.sizes[len(heat.sizes) // 2 :, 0]
    assert [1.0, 2.0, 3.0] == asks[~np.isnan(asks)].tolist()
    assert [0, 1, 2] == (np.flatnonzero(~np.isnan(asks)) * heat.reach_bps / len(asks) // 100).tolist()


def test_the_heat_map_is_blank_where_the_book_is_invalid() -> None:
    table = book(10).with_columns((pl.int_range(pl.len()) < 5).alias(schema.IS_VALID))
    heat = heat_map(table.lazy())

    assert heat
    assert [False] * 5 == (~np.isnan(heat.sizes)).any(axis=0)[5:].tolist()


def test_an_open_gap_lasts_until_the_last_row_and_gaps_of_trades_are_none_of_the_book() -> None:
    starts, ends = gap_spans(gaps((10, None, "crossed"), (20, 30, "trade_gap")), book(61)[schema.TS_RECV])

    assert [50.0] == np.round((ends - starts) * 86_400, 3).tolist()


def test_equal_books_are_equal_pictures() -> None:
    assert draw_book(book(50).lazy(), gaps(), title="x") == draw_book(book(50).lazy(), gaps(), title="x")


@pytest.mark.parametrize("rows", [1, 300, 2_000])
@pytest.mark.parametrize("size", [1_000, 97])
def test_pictures_do_not_depend_on_the_blocks_they_are_drawn_from(rows: int, size: int) -> None:
    is_valid, up = pl.int_range(pl.len()) % 50 != 3, (pl.int_range(pl.len()) * 7) % 11
    table = book(rows).with_columns(is_valid.alias(schema.IS_VALID), LEVELS + up)
    tape = trades(rows).with_columns(pl.col(schema.PX) + up)
    whole = draw_book(table.lazy(), gaps(), title="x"), draw_trades(tape.lazy(), title="x")

    with blocks_of(size):
        assert whole == (draw_book(table.lazy(), gaps(), title="x"), draw_trades(tape.lazy(), title="x"))


def test_lines_are_counted_by_the_second_whatever_the_pieces() -> None:
    times = np.random.default_rng(1).integers(0, 900 * 10**9, 5_000)

    assert draw_capture([times], title="x") == draw_capture(np.array_split(times, 9), title="x")
