"""The fast decoder: one pass over a chunk's bytes, straight into rows, for lines exactly as a venue prints them.

Belongs here: compiled loops over bytes. Does not: any judgement. A line that matches no template to its last byte is
left where it is, for the strict decoder: so what is read here is a subset of what that one reads, and equal to it.

The compiler keeps what it made until this file changes, with the constants of rows and template built in: a change of
theirs needs a change here, or an empty `__pycache__`.

A chunk ends with a line feed, and in a template only the last byte is one: so no loop here runs past the chunk.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.identifiers import Instrument
from trading_assets.limits import MAX_LINE_BYTES
from trading_assets.raw.compiled import Int, compiled
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding import template as column
from trading_assets.raw.decoding.clock_text import clock, seconds, uuid
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.template import (
    CLOCK,
    DATED_LEVELS,
    FLAG,
    INTEGER,
    LEVELS,
    NAMED_LEVELS,
    NUMBER,
    UUID,
    compiled_templates,
)
from trading_assets.raw.messages import NO_CHECKSUM, NO_SEQ, NO_TIME, Bools, Int8s, Int64s
from trading_assets.venues import interchange, venue_of
from trading_assets.venues.wire import INT64_MAX, MAX_DECIMALS, MAX_DIGITS, MAX_NUMBER_CHARS

Bytes = NDArray[np.uint8]

_UNSURE: Final = -1
_RECEIVE_DIGITS: Final = 19
_SIDES: Final = 2
_LAST_SAFE: Final = INT64_MAX // 10 - 1
"""A number up to here takes one more digit without overflow."""
_ZERO, _NINE, _DOT, _QUOTE, _SPACE, _COMMA, _OPEN, _CLOSE, _T, _F = b'09." ,[]tf'
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)
_REPUBLISHED: Final = np.frombuffer(b',"r"', np.uint8)
_SIDE: Final = np.frombuffer(b'{"side":"', np.uint8)
_BID: Final = np.frombuffer(b'bid","event_time":"', np.uint8)
_OFFER: Final = np.frombuffer(b'offer","event_time":"', np.uint8)
_PRICE: Final = np.frombuffer(b'","price_level":"', np.uint8)
_QUANTITY: Final = np.frombuffer(b'","new_quantity":"', np.uint8)
_CLOSE_OBJECT: Final = ord("}")


class FastScan:
    """Scans chunks of one instrument's capture; tries first what matched most so far."""

    def __init__(self, instrument: Instrument) -> None:
        self._program = compiled_templates((*venue_of(instrument).templates(instrument), *interchange.TEMPLATES))
        self._hits: Int64s = np.zeros(len(self._program.kinds), np.int64)
        self._order: Int64s = np.arange(len(self._program.kinds))

    def __call__(self, chunk: bytes, rows: Rows) -> None:
        """Append rows from the cursor on, and leave it at the first line that no template matches, or at the end."""
        data = np.frombuffer(chunk, np.uint8)
        to = (rows.cursor, rows.ints, rows.mantissas, rows.decimals, rows.is_ask)
        _scan(data, *self._program, self._order, self._hits, *to)


@compiled
def _scan(  # noqa: PLR0913, PLR0917 -- compiled code takes arrays, not objects
    data: Bytes,
    texts: Bytes,
    steps: Int64s,
    starts: Int64s,
    kinds: Int64s,
    sides: Int64s,
    max_levels: Int64s,
    order: Int64s,
    hits: Int64s,
    cursor: Int64s,
    ints: Int64s,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> None:
    while cursor[at.AT] < data.size:
        start = cursor[at.AT]
        body, ts_recv = _integer(data, start)
        if body - start != _RECEIVE_DIGITS or data[body] != _SPACE:
            return
        row = ints[cursor[at.N_ROWS]]
        end: Int = np.int64(_UNSURE)
        pairs_end: Int = np.int64(0)
        which, place = np.int64(0), 0
        for place in range(len(order)):
            which = order[place]
            begun = _begun(data, body + 1, texts, steps[starts[which]])
            if begun == _UNSURE:
                continue
            _blank(row)
            row[at.SIDE], row[at.MAX_LEVELS] = sides[which], max_levels[which]
            if kinds[which] == at.TICKER:
                _blank_sides(cursor[at.N_PAIRS], mantissas, decimals, is_ask)
            end, pairs_end = _match(
                data, begun, texts, steps[starts[which] : starts[which + 1]], row,
                cursor[at.N_PAIRS], mantissas, decimals, is_ask,
            )  # fmt: skip
            if end != _UNSURE:
                break
        if row[at.SEQ_LAST] == NO_SEQ:
            row[at.SEQ_LAST] = row[at.SEQ_FIRST]
        if end == _UNSURE or end - start > MAX_LINE_BYTES or row[at.SEQ_LAST] < row[at.SEQ_FIRST]:
            return
        hits[which] += 1
        if place > 0 and hits[which] > hits[order[place - 1]]:  # what matches most moves to the front
            order[place], order[place - 1] = order[place - 1], which
        pairs_end = cursor[at.N_PAIRS] + _SIDES if kinds[which] == at.TICKER else pairs_end
        row[at.LINE_NO], row[at.KIND], row[at.START] = cursor[at.LINE], kinds[which], start
        row[at.TS_RECV], row[at.PAIRS_END] = ts_recv, pairs_end
        cursor[at.AT], cursor[at.N_PAIRS] = end, pairs_end
        cursor[at.LINE] += 1
        cursor[at.N_ROWS] += 1


@compiled
def _begun(data: Bytes, here: Int, texts: Bytes, step: Int64s) -> Int:
    """Follow the text that a template begins with; return where it ends, or `_UNSURE`."""
    for text_at in range(step[column.TEXT_START], step[column.TEXT_END]):
        if data[here] != texts[text_at]:
            return np.int64(_UNSURE)
        here += 1
    return here


@compiled
def _blank(row: Int64s) -> None:
    row[at.TS_EVENT] = NO_TIME
    row[at.SEQ_FIRST], row[at.SEQ_LAST], row[at.SEQ_PREV] = NO_SEQ, NO_SEQ, NO_SEQ
    row[at.SEQ_TICKER], row[at.CHECKSUM] = NO_SEQ, NO_CHECKSUM
    row[at.PX_PLACES], row[at.SZ_PLACES] = 0, 0


@compiled
def _blank_sides(pair: Int, mantissas: Int64s, decimals: Int8s, is_ask: Bools) -> None:
    """Say nothing of either side of a ticker: a template may name only one."""
    for side in range(_SIDES):
        mantissas[pair + side, at.PX], mantissas[pair + side, at.SZ] = 0, 0
        decimals[pair + side, at.PX], decimals[pair + side, at.SZ] = 0, 0
        is_ask[pair + side] = side == 1


@compiled
def _match(  # noqa: C901, PLR0913, PLR0917 -- compiled code takes arrays, not objects; a branch a kind of hole
    data: Bytes,
    here: Int,
    texts: Bytes,
    steps: Int64s,
    row: Int64s,
    pairs_from: Int,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> tuple[Int, Int]:
    """Follow a template after its first text; return where the line ends and the pair after the last, or `_UNSURE`."""
    pairs_end = pairs_from
    for n in range(len(steps)):
        step = steps[n]
        if n > 0:
            here = _begun(data, here, texts, step)
            if here == _UNSURE:
                return _UNSURE, pairs_from
        op, to = step[column.OP], step[column.TO]
        if op == LEVELS:
            here, pairs_end = _levels(data, here, to, pairs_end, mantissas, decimals, is_ask)
        elif op == DATED_LEVELS:
            here, pairs_end = _dated_levels(data, here, to, pairs_end, row, mantissas, decimals, is_ask)
        elif op == NAMED_LEVELS:
            here, pairs_end = _named_levels(data, here, pairs_end, row, mantissas, decimals, is_ask)
        elif op == CLOCK:
            here, row[to] = clock(data, here)
        elif op == UUID:
            here = uuid(data, here)
        elif op == NUMBER:
            here, mantissa, places = _number(data, here)
            pairs_end = pairs_from + to // 2
            mantissas[pairs_end, to % 2], decimals[pairs_end, to % 2] = mantissa, places
            is_ask[pairs_end] = to > 1
            pairs_end += 1
            here = here if mantissa >= step[column.LOW] else _UNSURE
        elif op in (INTEGER, FLAG):
            here, value = _integer(data, here) if op == INTEGER else _flag(data, here)
            row[to] = value * step[column.TIMES]
            here = here if step[column.LOW] <= value <= step[column.HIGH] else _UNSURE
        if here == _UNSURE:
            return _UNSURE, pairs_from
    return here, pairs_end


@compiled
def _levels(  # noqa: PLR0911, PLR0913, PLR0917 -- compiled code takes arrays, not objects, and leaves at once
    data: Bytes,
    here: Int,
    side: Int,
    pair: Int,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> tuple[Int, Int]:
    """Read `[["price","size"],...]` into pairs from `pair` on; return where it ends and the pair after the last."""
    if data[here] != _OPEN:
        return _UNSURE, pair
    if data[here + 1] == _CLOSE:
        return here + 2, pair
    while data[here + 1] == _OPEN and data[here + 2] == _QUOTE:
        here, px, px_places = _number(data, here + 3)
        if px == 0 or data[here] != _QUOTE or data[here + 1] != _COMMA or data[here + 2] != _QUOTE:
            return _UNSURE, pair
        here, sz, sz_places = _number(data, here + 3)
        if here == _UNSURE or data[here] != _QUOTE or data[here + 1] != _CLOSE:
            return _UNSURE, pair
        mantissas[pair, at.PX], decimals[pair, at.PX] = px, px_places
        mantissas[pair, at.SZ], decimals[pair, at.SZ] = sz, sz_places
        is_ask[pair] = side == 1
        pair += 1
        here += 2
        if data[here] == _CLOSE:
            return here + 1, pair
        if data[here] != _COMMA:
            return _UNSURE, pair
    return _UNSURE, pair


@compiled
def _dated_levels(  # noqa: PLR0911, PLR0913, PLR0917 -- compiled code takes arrays, not objects, and leaves at once
    data: Bytes,
    here: Int,
    side: Int,
    pair: Int,
    row: Int64s,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> tuple[Int, Int]:
    """Read `[["price","size","seconds"],...]`, some `,"r"` at their end, as `_levels` does; keep the latest time."""
    if data[here] != _OPEN:
        return _UNSURE, pair
    while data[here + 1] == _OPEN and data[here + 2] == _QUOTE:
        px_at = here + 3
        here, px, px_places = _number(data, px_at)
        if px == 0 or data[here] != _QUOTE or data[here + 1] != _COMMA or data[here + 2] != _QUOTE:
            return _UNSURE, pair
        row[at.PX_PLACES] = _printed(data, px_at, here)
        sz_at = here + 3
        here, sz, sz_places = _number(data, sz_at)
        if here == _UNSURE or data[here] != _QUOTE or data[here + 1] != _COMMA or data[here + 2] != _QUOTE:
            return _UNSURE, pair
        row[at.SZ_PLACES] = _printed(data, sz_at, here)
        here, ts_event = seconds(data, here + 3)
        if here == _UNSURE or data[here] != _QUOTE:
            return _UNSURE, pair
        row[at.TS_EVENT] = max(row[at.TS_EVENT], ts_event)
        here = _after(data, here + 1, _REPUBLISHED) if data[here + 1] == _COMMA else here + 1
        if here == _UNSURE or data[here] != _CLOSE:
            return _UNSURE, pair
        mantissas[pair, at.PX], decimals[pair, at.PX] = px, px_places
        mantissas[pair, at.SZ], decimals[pair, at.SZ] = sz, sz_places
        is_ask[pair] = side == 1
        pair += 1
        here += 1
        if data[here] == _CLOSE:
            return here + 1, pair
        if data[here] != _COMMA:
            return _UNSURE, pair
    return _UNSURE, pair


@compiled
def _named_levels(  # noqa: C901, PLR0911, PLR0912, PLR0913, PLR0917 -- as _dated_levels
    data: Bytes,
    here: Int,
    pair: Int,
    row: Int64s,
    mantissas: Int64s,
    decimals: Int8s,
    is_ask: Bools,
) -> tuple[Int, Int]:
    """Read levels that are objects, as `_levels` does, bids before offers; keep the latest time."""
    if data[here] != _OPEN:
        return _UNSURE, pair
    ask = False
    while True:
        here = _after(data, here + 1, _SIDE)
        if here == _UNSURE:
            return _UNSURE, pair
        if not ask and data[here] == _BID[0]:
            here = _after(data, here, _BID)
        else:
            here, ask = _after(data, here, _OFFER), True
        if here == _UNSURE:
            return _UNSURE, pair
        here, ts_event = clock(data, here)
        if here == _UNSURE:
            return _UNSURE, pair
        row[at.TS_EVENT] = max(row[at.TS_EVENT], ts_event)
        here = _after(data, here, _PRICE)
        if here == _UNSURE:
            return _UNSURE, pair
        here, px, px_places = _number(data, here)
        if px == 0:
            return _UNSURE, pair
        here = _after(data, here, _QUANTITY)
        if here == _UNSURE:
            return _UNSURE, pair
        here, sz, sz_places = _number(data, here)
        if here == _UNSURE or data[here] != _QUOTE or data[here + 1] != _CLOSE_OBJECT:
            return _UNSURE, pair
        mantissas[pair, at.PX], decimals[pair, at.PX] = px, px_places
        mantissas[pair, at.SZ], decimals[pair, at.SZ] = sz, sz_places
        is_ask[pair] = ask
        pair += 1
        here += 2
        if data[here] == _CLOSE and row[at.TS_EVENT] > 0:
            return here + 1, pair
        if data[here] != _COMMA:
            return _UNSURE, pair


@compiled
def _after(data: Bytes, here: Int, text: Bytes) -> Int:
    """Return where a text that must stand here ends, or `_UNSURE`."""
    for byte in text:
        if data[here] != byte:
            return _UNSURE
        here += 1
    return here


@compiled
def _printed(data: Bytes, here: Int, end: Int) -> Int:
    """Count the printed decimals of a number."""
    while here < end and data[here] != _DOT:
        here += 1
    return max(end - here - 1, 0)


@compiled
def _integer(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read a JSON integer without sign; return where it ends and its value, or `_UNSURE`."""
    start, value = here, 0
    while _ZERO <= data[here] <= _NINE:
        if value > _LAST_SAFE:
            return _UNSURE, 0
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if here == start or (data[start] == _ZERO and here > start + 1):
        return _UNSURE, 0
    return here, value


@compiled
def _flag(data: Bytes, here: Int) -> tuple[Int, Int]:
    """Read `true` as 1 and `false` as 0; return where it ends and the value, or `_UNSURE`."""
    word = _TRUE if data[here] == _T else _FALSE
    for byte in word:
        if data[here] != byte:
            return _UNSURE, 0
        here += 1
    return here, 1 if word.size == _TRUE.size else 0


@compiled
def _number(data: Bytes, here: Int) -> tuple[Int, Int, Int]:
    """Read a decimal; return where it ends, mantissa and decimals without trailing zeros, or `_UNSURE` and 0, 0."""
    start, value = here, np.int64(0)
    while _ZERO <= data[here] <= _NINE:
        if here - start == MAX_DIGITS:
            return _UNSURE, 0, 0
        value = value * 10 + (data[here] - _ZERO)
        here += 1
    if here == start or (data[start] == _ZERO and here > start + 1):
        return _UNSURE, 0, 0
    if data[here] != _DOT:
        return here, value, 0
    point, mantissa = here, value
    places: Int = 0
    here += 1
    while _ZERO <= data[here] <= _NINE:
        if here - start <= MAX_DIGITS:
            value = value * 10 + (data[here] - _ZERO)
        if data[here] != _ZERO:
            mantissa, places = value, here - point
        here += 1
    if (
        here == point + 1
        or places > MAX_DECIMALS
        or point + places > start + MAX_DIGITS
        or here - start > MAX_NUMBER_CHARS
    ):
        return _UNSURE, 0, 0
    return here, mantissa, places
