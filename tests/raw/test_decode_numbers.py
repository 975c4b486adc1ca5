"""Numbers: the nearest doubles, whatever stands beside them, and prices off the tick."""

from decimal import Decimal

import pytest
from decode_builders import SPOT, SPOT_DEPTH, SPOT_TICKER, capture, columns_of, reasons
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.errors import InvalidSettings
from trading_assets.raw.decoding.decode import decode, decode_strict


def depth(*levels: tuple[str, str]) -> str:
    bids = ",".join(f'["{px}","{sz}"]' for px, sz in levels)
    return f'{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":5,"u":7,"b":[{bids}],"a":[]}}'


def test_prices_and_sizes_are_in_the_venues_units() -> None:
    messages = decode([capture(depth(("100.00", "0.250"), ("7.5000", "3")))], instrument=SPOT)

    assert (messages.book.px.tolist(), messages.book.sz.tolist()) == ([100.0, 7.5], [0.25, 3.0])
    assert messages.px_decimals == 1


def test_one_very_fine_number_changes_nothing_beside_it() -> None:
    lines = [depth(("1", "123456789012345678")), depth(("0.000000000001", "0.000000000001"))]
    messages = decode([capture(*lines)], instrument=SPOT)

    assert messages.book.sz.tolist() == [123456789012345678.0, 1e-12]
    assert messages.dead_letters == ()


def test_chunks_are_joined_in_order() -> None:
    chunks = [capture(depth(("1", "1"))), capture(SPOT_TICKER), capture(depth(("0.001", "0.00000001")))]
    messages = decode(chunks, instrument=SPOT)

    assert (messages.book.px.tolist(), messages.book.line_no.tolist()) == ([1.0, 0.001], [0, 2])
    assert messages.tickers.bid_px.tolist() == [10.5]
    assert messages.px_decimals == 3


@pytest.mark.parametrize("tick", ["0.5", "0.05", "0.1", "0.01", "1.50"])
def test_a_price_on_the_tick_is_kept(tick: str) -> None:
    assert decode([capture(SPOT_DEPTH)], instrument=SPOT, tick_size=Decimal(tick)).book.px.tolist() == [10.5]


@pytest.mark.parametrize("tick", ["1", "0.2", "1E+1", "0.04"])
def test_a_price_off_the_tick_makes_its_message_a_dead_letter(tick: str) -> None:
    messages = decode([b"\n" + capture(SPOT_DEPTH)], instrument=SPOT, tick_size=Decimal(tick))

    assert reasons(messages) == ["empty line", "price off the tick"]
    assert (1, len(capture(SPOT_DEPTH))) == (messages.dead_letters[1].offset, messages.dead_letters[1].n_bytes)
    assert messages.book.offsets.tolist() == [0]


numbers = st.builds(
    lambda digits, places: f"{Decimal(digits).scaleb(-places):f}", st.integers(1, 10**18 - 1), st.integers(0, 13)
)
many_levels = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6)


@given(levels=many_levels, tick=st.sampled_from([None, "0.5", "0.01"]))
def test_fast_equals_strict_however_the_capture_is_cut(levels: list[tuple[str, str]], tick: str | None) -> None:
    chunks = [capture(depth(level)) for level in levels]
    size = None if tick is None else Decimal(tick)
    fast = decode(chunks, instrument=SPOT, tick_size=size)
    whole = decode_strict([b"".join(chunks)], instrument=SPOT, tick_size=size)

    assert columns_of(whole) == columns_of(fast)


@given(levels=many_levels)
def test_every_number_is_the_double_nearest_to_its_text(levels: list[tuple[str, str]]) -> None:
    messages = decode([capture(*(depth(level) for level in levels))], instrument=SPOT)
    kept = [levels[line_no] for line_no in messages.book.line_no]

    assert [(float(px), float(sz)) for px, sz in kept] == list(
        zip(messages.book.px.tolist(), messages.book.sz.tolist(), strict=True)
    )


@pytest.mark.parametrize("tick", ["0", "-1", "NaN", "Infinity", "1E-13", "1E+20"])
def test_a_tick_that_is_none_is_refused(tick: str) -> None:
    with pytest.raises(InvalidSettings, match="no tick or lot size"):
        decode([], instrument=SPOT, tick_size=Decimal(tick))
