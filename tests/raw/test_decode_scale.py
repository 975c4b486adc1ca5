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


def test_without_a_tick_the_scale_is_the_coarsest_that_is_exact() -> None:
    messages = decode([capture(depth(("100.00", "0.250"), ("7.5000", "3")))], instrument=SPOT)

    assert (messages.px_decimals, messages.sz_decimals) == (1, 2)
    assert (messages.book.px.tolist(), messages.book.sz.tolist()) == ([1000, 75], [25, 300])


def test_chunks_of_different_precision_meet_at_the_finest() -> None:
    chunks = [capture(depth(("1", "1"))), capture(SPOT_TICKER), capture(depth(("0.001", "0.00000001")))]
    messages = decode(chunks, instrument=SPOT)

    assert (messages.book.px.tolist(), messages.book.sz.tolist()) == ([1000, 1], [100_000_000, 1])
    assert messages.tickers.bid_px[0] == 10_500


@pytest.mark.parametrize(("tick", "px"), [("0.5", 105), ("0.05", 1050), ("0.1", 105), ("0.01", 1050), ("1.50", 105)])
def test_a_tick_fixes_the_scale_of_prices(tick: str, px: int) -> None:
    messages = decode([capture(SPOT_DEPTH)], instrument=SPOT, tick_size=Decimal(tick))

    assert [px] == messages.book.px.tolist()


@pytest.mark.parametrize("tick", ["1", "0.2", "1E+1", "0.04"])
def test_a_price_off_the_tick_makes_its_message_a_dead_letter(tick: str) -> None:
    messages = decode([b"\n" + capture(SPOT_DEPTH)], instrument=SPOT, tick_size=Decimal(tick))

    assert reasons(messages) == ["empty line", "price off the tick"]
    assert (1, len(capture(SPOT_DEPTH))) == (messages.dead_letters[1].offset, messages.dead_letters[1].n_bytes)
    assert messages.book.offsets.tolist() == [0]


def test_a_size_finer_than_the_lot_makes_the_scale_finer() -> None:
    messages = decode([capture(depth(("1", "0.125")))], instrument=SPOT, lot_size=Decimal("0.1"))
    coarse = decode([capture(depth(("1", "2")))], instrument=SPOT, lot_size=Decimal("0.1"))

    assert (messages.sz_decimals, messages.book.sz.tolist()) == (3, [125])
    assert (coarse.sz_decimals, coarse.book.sz.tolist()) == (1, [20])


@pytest.mark.parametrize("n_chunks", [1, 2])
def test_a_size_too_large_for_the_common_scale_loses_its_message_whole(n_chunks: int) -> None:
    large = capture(depth(("1", "1"), ("2", "123456789012345678")), depth(("3", "1")))
    fine = capture(SPOT_TICKER, depth(("4", "0.00000001")))
    messages = decode([large + fine] if n_chunks == 1 else [large, fine], instrument=SPOT)

    assert [(letter.line_no, letter.offset, letter.reason) for letter in messages.dead_letters] == [
        (0, 0, "number too large at the common scale")
    ]
    assert messages.book.line_no.tolist() == [1, 3]
    assert tuple(part.tolist() for part in (messages.book.px, messages.book.sz, messages.book.offsets)) == (
        [30, 40],
        [100_000_000, 1],
        [0, 1, 2],
    )


numbers = st.builds(
    lambda digits, places: f"{Decimal(digits).scaleb(-places):f}", st.integers(1, 10**18 - 1), st.integers(0, 9)
)


@given(
    levels=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6), tick=st.sampled_from([None, "0.5", "0.01"])
)
def test_fast_equals_strict_at_the_edges_of_the_scale(levels: list[tuple[str, str]], tick: str | None) -> None:
    chunks = [capture(depth(level)) for level in levels]
    size = None if tick is None else Decimal(tick)
    fast = decode(chunks, instrument=SPOT, tick_size=size)
    whole = decode_strict([b"".join(chunks)], instrument=SPOT, tick_size=size)

    assert columns_of(whole) == columns_of(fast)


@given(levels=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6))
def test_what_survives_is_exact(levels: list[tuple[str, str]]) -> None:
    messages = decode([capture(*(depth(level) for level in levels))], instrument=SPOT)
    kept = [levels[line_no] for line_no in messages.book.line_no]

    assert [Decimal(px) for px, _ in kept] == [
        Decimal(px).scaleb(-messages.px_decimals) for px in messages.book.px.tolist()
    ]
    assert [Decimal(sz) for _, sz in kept] == [
        Decimal(sz).scaleb(-messages.sz_decimals) for sz in messages.book.sz.tolist()
    ]


@pytest.mark.parametrize("tick", ["0", "-1", "NaN", "Infinity", "1E-13", "1E+20"])
def test_a_tick_that_is_none_is_refused(tick: str) -> None:
    with pytest.raises(InvalidSettings, match="no tick or lot size"):
        decode([], instrument=SPOT, tick_size=Decimal(tick))
