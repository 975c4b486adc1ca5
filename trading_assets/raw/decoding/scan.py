"""The fast decoder: one pass over a chunk's bytes, straight into rows, for lines exactly as a venue prints them.

Belongs here: compiled loops over bytes. Does not: any judgement. A line that matches no template to its last byte is
left where it is, for the strict decoder: so what is read here is a subset of what that one reads, and equal to it.

A chunk ends with a line feed, and in a template only the last byte is one: so no loop here runs past the chunk.
"""

from typing import Final

import numpy as np

from trading_assets.compiled import Int, compiled
from trading_assets.identifiers import Instrument
from trading_assets.limits import MAX_LINE_BYTES
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding import template as column
from trading_assets.raw.decoding.clock_text import clock, uuid
from trading_assets.raw.decoding.levels_text import dated_levels, levels, named_levels
from trading_assets.raw.decoding.number_text import UNSURE, Bytes, flag, integer, number
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

_RECEIVE_DIGITS: Final = 19
_SIDES: Final = 2
_SPACE: Final = ord(" ")


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
        body, ts_recv = integer(data, start)
        if body - start != _RECEIVE_DIGITS or data[body] != _SPACE:
            return
        row = ints[cursor[at.N_ROWS]]
        end: Int = np.int64(UNSURE)
        pairs_end: Int = np.int64(0)
        which, place = np.int64(0), 0
        for place in range(len(order)):
            which = order[place]
            begun = _begun(data, body + 1, texts, steps[starts[which]])
            if begun == UNSURE:
                continue
            _blank(row)
            row[at.SIDE], row[at.MAX_LEVELS] = sides[which], max_levels[which]
            if kinds[which] == at.TICKER:
                _blank_sides(cursor[at.N_PAIRS], mantissas, decimals, is_ask)
            end, pairs_end = _match(
                data, begun, texts, steps[starts[which] : starts[which + 1]], row,
                cursor[at.N_PAIRS], mantissas, decimals, is_ask,
            )  # fmt: skip
            if end != UNSURE:
                break
        if row[at.SEQ_LAST] == NO_SEQ:
            row[at.SEQ_LAST] = row[at.SEQ_FIRST]
        if end == UNSURE or end - start > MAX_LINE_BYTES or row[at.SEQ_LAST] < row[at.SEQ_FIRST]:
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
    """Follow the text that a template begins with; return where it ends, or `UNSURE`."""
    text = texts[step[column.TEXT_START] : step[column.TEXT_END]]
    found = data[here : here + text.size]
    if found.size < text.size:
        return np.int64(UNSURE)
    differences = np.uint8(0)  # all bytes are compared, many at once: leaving at the first that differs is slower
    for i in range(text.size):
        differences |= found[i] ^ text[i]
    return here + text.size if differences == 0 else np.int64(UNSURE)


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
    """Follow a template after its first text; return where the line ends and the pair after the last, or `UNSURE`."""
    pairs_end = pairs_from
    for n in range(len(steps)):
        step = steps[n]
        if n > 0:
            here = _begun(data, here, texts, step)
            if here == UNSURE:
                return UNSURE, pairs_from
        op, to = step[column.OP], step[column.TO]
        if op == LEVELS:
            here, pairs_end = levels(data, here, to, pairs_end, mantissas, decimals, is_ask)
        elif op == DATED_LEVELS:
            here, pairs_end = dated_levels(data, here, to, pairs_end, row, mantissas, decimals, is_ask)
        elif op == NAMED_LEVELS:
            here, pairs_end = named_levels(data, here, pairs_end, row, mantissas, decimals, is_ask)
        elif op == CLOCK:
            here, row[to] = clock(data, here)
        elif op == UUID:
            here = uuid(data, here)
        elif op == NUMBER:
            here, mantissa, places = number(data, here)
            pairs_end = pairs_from + to // 2
            mantissas[pairs_end, to % 2], decimals[pairs_end, to % 2] = mantissa, places
            is_ask[pairs_end] = to > 1
            pairs_end += 1
            here = here if mantissa >= step[column.LOW] else UNSURE
        elif op in (INTEGER, FLAG):
            here, value = integer(data, here) if op == INTEGER else flag(data, here)
            row[to] = value * step[column.TIMES]
            here = here if step[column.LOW] <= value <= step[column.HIGH] else UNSURE
        if here == UNSURE:
            return UNSURE, pairs_from
    return here, pairs_end
