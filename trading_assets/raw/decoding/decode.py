"""Bytes to columns: the lines of a capture as exact integers, each line accounted for.

Belongs here: walking the lines, sending each to the fast or the strict decoder, dead letters, counts.
Does not: files and compression (sources), the meaning of a line (strict, venues), the book (book).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.batch import Steps, settle
from trading_assets.raw.decoding.join import join
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.scale import Step
from trading_assets.raw.decoding.scan import FastScan
from trading_assets.raw.decoding.strict import read_line
from trading_assets.raw.messages import DeadLetter, Int64s, Messages, OverlongLine
from trading_assets.venues import venue_of
from trading_assets.venues.wire import Ignored, Malformed, Reason

RAW_BYTES: Final = 64 * 2**10
"""Bytes of a dead letter that are kept beside its reason."""
MAX_DEAD_LETTERS: Final = 200_000
MAX_DEAD_BYTES: Final = 256 * 2**20
"""With more dead letters, or more bytes of them, decoding stops: they are held in memory."""

Scan = Callable[[bytes, Rows], None]
"""Appends rows from the cursor on, up to a line that it leaves to the strict decoder."""


def decode(
    chunks: Iterable[bytes | OverlongLine],
    *,
    instrument: Instrument,
    tick_size: Decimal | None = None,
    lot_size: Decimal | None = None,
) -> Messages:
    """Decode one capture of one instrument.

    Args:
        chunks: whole lines, each ended by a line feed but perhaps the last of the capture; in file order.
        instrument: whose capture it is: a line of another symbol or market is a dead letter.
        tick_size: fixes the scale of prices, and a price off it is a dead letter; None infers the scale.
        lot_size: the coarsest scale of sizes; a finer size makes it finer, for venues send such sizes.

    Raises:
        InvalidIdentifier: no decoder for the instrument's venue.
        InvalidSettings: a tick or lot size that is none.
        NotACapture: so many lines cannot be decoded that this is no recording of the instrument.
    """
    return _decoded(chunks, instrument, FastScan(instrument), _steps(tick_size, lot_size))


def decode_strict(
    chunks: Iterable[bytes | OverlongLine],
    *,
    instrument: Instrument,
    tick_size: Decimal | None = None,
    lot_size: Decimal | None = None,
) -> Messages:
    """Decode as `decode` does, every line by the strict decoder: the reference it is held to."""
    return _decoded(chunks, instrument, _leave_all, _steps(tick_size, lot_size))


def _steps(tick_size: Decimal | None, lot_size: Decimal | None) -> Steps:
    return Steps(
        tick=None if tick_size is None else Step.of(tick_size), lot=None if lot_size is None else Step.of(lot_size)
    )


def _leave_all(_chunk: bytes, _rows: Rows) -> None:
    """Scan nothing: every line goes to the strict decoder."""


def _decoded(chunks: Iterable[bytes | OverlongLine], instrument: Instrument, scan: Scan, steps: Steps) -> Messages:
    decoder = _Decoder(instrument, scan, steps)
    for chunk in chunks:
        if isinstance(chunk, OverlongLine):
            decoder.feed_overlong(chunk)
        else:
            decoder.feed(chunk)
    return decoder.messages()


class _Decoder:
    """Where one capture's decoding stands."""

    def __init__(self, instrument: Instrument, scan: Scan, steps: Steps) -> None:
        venue_of(instrument)
        self._instrument, self._scan, self._steps = instrument, scan, steps
        self._rows = Rows()
        self._batches = [settle(self._rows, steps).batch]
        self._ignored: Counter[str] = Counter()
        self._dead: list[DeadLetter] = []
        self._at_risk: dict[int, DeadLetter] = {}
        self._n_lines = self._offset = self._n_dead_bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Decode whole lines."""
        ended = chunk if chunk.endswith(b"\n") else chunk + b"\n"
        cursor = self._rows.cursor
        self._rows.begin(n_bytes=len(ended), line_no=self._n_lines)
        while cursor[at.AT] < len(chunk):
            self._scan(ended, self._rows)
            if cursor[at.AT] < len(chunk):
                self._read_strictly(chunk, int(cursor[at.AT]))
        self._settle(chunk)
        self._n_lines, self._offset = int(cursor[at.LINE]), self._offset + len(chunk)

    def feed_overlong(self, line: OverlongLine) -> None:
        """Count a line that was too long to be handed over whole."""
        raw = line.prefix[:RAW_BYTES]
        self._bury(DeadLetter(self._n_lines, self._offset, line.n_bytes, Reason.OVERLONG.value, raw))
        self._n_lines, self._offset = self._n_lines + 1, self._offset + line.n_bytes

    def messages(self) -> Messages:
        """Join what was fed."""
        batch, lost = join(self._batches)
        dead = [*self._dead, *(self._at_risk[line_no] for line_no in lost.tolist())]
        return Messages(
            n_lines=self._n_lines,
            px_decimals=batch.px_decimals,
            sz_decimals=batch.sz_decimals,
            book=batch.book,
            trades=batch.trades,
            tickers=batch.tickers,
            ignored=dict(sorted(self._ignored.items())),
            dead_letters=tuple(sorted(dead, key=lambda letter: letter.line_no)),
        )

    def _read_strictly(self, chunk: bytes, start: int) -> None:
        cursor, line = self._rows.cursor, _line_at(chunk, start)
        try:
            ts_recv, records = read_line(line.removesuffix(b"\n"), instrument=self._instrument)
        except Malformed as malformed:
            self._bury(self._letter(chunk, int(cursor[at.LINE]), start, malformed.reason))
        else:
            for record in records:
                if isinstance(record, Ignored):
                    self._ignored[record.kind] += 1
                else:
                    self._rows.append(ts_recv, record, start=start)
        cursor[at.AT] = start + len(line)
        cursor[at.LINE] += 1

    def _settle(self, chunk: bytes) -> None:
        settled = settle(self._rows, self._steps)
        self._batches.append(settled.batch)
        for letter in self._letters(chunk, settled.off_tick, Reason.OFF_TICK):
            self._bury(letter)
        for letter in self._letters(chunk, settled.too_large, Reason.OVERFLOW):
            self._bury(letter)
        at_risk = self._letters(chunk, settled.at_risk, Reason.OVERFLOW)
        self._at_risk.update((letter.line_no, letter) for letter in at_risk)

    def _bury(self, letter: DeadLetter) -> None:
        self._dead.append(letter)
        self._n_dead_bytes += len(letter.raw)
        if len(self._dead) > MAX_DEAD_LETTERS or self._n_dead_bytes > MAX_DEAD_BYTES:
            raise NotACapture(
                f"{len(self._dead)} of the first {letter.line_no + 1} lines cannot be decoded as {self._instrument} "
                f"(the last: {letter.reason}): this is not a recording of it, or a tick size is wrong"
            )

    def _letters(self, chunk: bytes, places: Int64s, reason: Reason) -> list[DeadLetter]:
        return [self._letter(chunk, line_no, start, reason) for line_no, start in places.tolist()]

    def _letter(self, chunk: bytes, line_no: int, start: int, reason: Reason) -> DeadLetter:
        line = _line_at(chunk, start)
        return DeadLetter(line_no, self._offset + start, len(line), reason.value, line[:RAW_BYTES])


def _line_at(chunk: bytes, start: int) -> bytes:
    """Cut out one line with its line feed, which the last of a capture may lack."""
    return chunk[start : chunk.find(b"\n", start) + 1 or len(chunk)]
