from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decoded
from trading_assets.raw.decoding.strict import read_line
from trading_assets.sources.formats.texts import (
    EVENT,
    IS_ASK,
    IS_SNAPSHOT,
    LINE,
    MESSAGE,
    PX,
    RECV,
    SZ,
    depth_pieces,
    float_texts,
    joined,
    level_columns,
    scaled_texts,
    trade_line,
)
from trading_assets.sources.formats.texts import book_lines as book_line
from trading_assets.venues.interchange import depth_line

MARKET = Instrument.parse("BTC-PERPETUAL.DERIBIT")
LEVELS = st.lists(st.tuples(st.booleans(), st.integers(1, 99), st.integers(0, 99)), max_size=6)


@given(st.integers(-(2**62), 2**62), st.integers(1, 12))
def test_scaled_integers_are_written_exactly(value: int, decimals: int) -> None:
    text = scaled_texts(pl.Series([value]), decimals)[0]

    assert Decimal(value).scaleb(-decimals) == Decimal(text)
    assert "E" not in text
    assert not text.endswith(("0", ".")) or "." not in text


@given(st.floats(min_value=0, allow_infinity=False))
def test_floats_are_written_as_the_shortest_decimal_that_is_the_same_float(value: float) -> None:
    text = float_texts(pl.Series([value]))[0]

    assert value == float(text)
    assert Decimal(repr(value)) == Decimal(text)
    assert "e" not in text


@given(st.lists(st.tuples(st.booleans(), LEVELS.filter(bool)), min_size=1, max_size=5))
def test_messages_of_one_row_a_level_are_the_lines_that_the_plain_writer_makes(
    messages: list[tuple[bool, list[tuple[bool, int, int]]]],
) -> None:
    rows = [(n, anew, *level) for n, (anew, levels) in enumerate(messages) for level in levels]
    frame = pl.DataFrame(
        {
            MESSAGE: [row[0] for row in rows],
            RECV: [10**18 + row[0] for row in rows],
            EVENT: [None if row[0] % 2 else 7 + row[0] for row in rows],
            IS_SNAPSHOT: [row[1] for row in rows],
            IS_ASK: [row[2] for row in rows],
            PX: [str(row[3]) for row in rows],
            SZ: [str(row[4]) for row in rows],
        },
        schema_overrides={EVENT: pl.Int64},
    )

    expected = ""
    for n, (anew, levels) in enumerate(messages):
        bids, asks = ([(str(px), str(sz)) for ask, px, sz in levels if ask is side] for side in (False, True))
        line = depth_line(None if n % 2 else 7 + n, bids, asks, is_snapshot=anew)
        expected += f"{10**18 + n} {line}\n"
    assert expected.encode() == joined(depth_pieces(frame)[LINE])


def test_levels_that_a_book_lacks_are_left_out_of_its_line() -> None:
    px, sz = np.array([[1005, 1004], [1006, 9]]), np.array([[1, 2], [3, 0]])
    bids = list(level_columns(px, sz, sz > 0, decimals=1, prefix="b"))
    frame = pl.DataFrame({RECV: [1, 2], EVENT: [1, None]}).with_columns(*bids)

    lines = frame.select(book_line([pl.col("b0"), pl.col("b1")], [pl.lit(None, pl.String)])).to_series()

    assert lines.to_list() == [
        '1 {"interchange":"snapshot","ts_event":1,"bids":[["100.5","1"],["100.4","2"]],"asks":[]}\n',
        '2 {"interchange":"snapshot","ts_event":null,"bids":[["100.6","3"]],"asks":[]}\n',
    ]
    assert read_line(lines[0].strip().encode(), instrument=MARKET)


@pytest.mark.parametrize("lacking", [EVENT, PX, SZ])
def test_a_trade_that_lacks_what_it_needs_is_a_dead_letter_and_not_left_out(lacking: str) -> None:
    given = {RECV: [7, 8], EVENT: [5, 6], PX: ["1.5", "2"], SZ: ["1", "3"]}
    schema = {RECV: pl.Int64, EVENT: pl.Int64, PX: pl.String, SZ: pl.String}
    frame = pl.DataFrame({**given, lacking: [None, given[lacking][1]]}, schema=schema)
    lines = joined(frame.select(trade_line(pl.lit(None, pl.String), pl.lit("buy"))).to_series())

    stretches = list(decoded([lines * 50], instrument=MARKET))
    assert 2 == len(lines.splitlines())
    assert 50 == sum(len(each.trades.ts_recv) for each in stretches)
    assert lines.splitlines(keepends=True)[:1] * 50 == [
        letter.raw for each in stretches for letter in each.dead_letters
    ]
