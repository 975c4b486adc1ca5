"""Bytes to columns: the lines of a capture as exact integers, each line accounted for.

Belongs here: walking the lines, sending each to the fast or the strict decoder, dead letters, counts.
Does not: files and compression (sources), the meaning of a line (strict, venues), the book (book).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from trading_assets.errors import NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding import rows as at
from trading_assets.raw.decoding.batch import Batch, settle
from trading_assets.raw.decoding.join import join
from trading_assets.raw.decoding.rows import Rows
from trading_assets.raw.decoding.scale import Step
from trading_assets.raw.decoding.scan import FastScan
from trading_assets.raw.decoding.strict import read_line
from trading_assets.raw.messages import DeadLetter, Int64s, Messages, OverlongLine
from trading_assets.venues.wire import Ignored, Malformed, Reason

RAW_BYTES: Final = 64 * 2**10
"""Bytes of a dead letter that are kept beside its reason."""
MAX_DEAD_LETTERS: Final = 200_000
MAX_DEAD_BYTES: Final = 256 * 2**20
"""With more dead letters, or more bytes of them, decoding stops: they are held in memory."""

Scan = Callable[[bytes, Rows], None]
"""Appends rows from the cursor on, up to a line that it leaves to the strict decoder."""


def decoded(
    chunks: Iterable[bytes | OverlongLine],
    *,
    instrument: Instrument,
    tick_size: Decimal | None = None,
) -> Iterator[Messages]:
    """Decode one capture of one instrument, and hand its messages on chunk by chunk.

    Args:
        chunks: whole lines, each ended by a line feed but perhaps the last of the capture; in file order.
        instrument: whose capture it is: a line of another symbol or market is a dead letter.
        tick_size: a message with a price off it is a dead letter; None takes any price.

    Raises:
        InvalidSettings: a tick size that is none.
        NotACapture: so many lines cannot be decoded that this is no recording of the instrument.
    """
    return _decoded(chunks, instrument, FastScan(instrument), _tick(tick_size))


def decode(
    chunks: Iterable[bytes | OverlongLine],
    *,
    instrument: Instrument,
    tick_size: Decimal | None = None,
) -> Messages:
    """Decode a capture that fits in memory; the arguments are those of `decoded`."""
    return join(decoded(chunks, instrument=instrument, tick_size=tick_size))


def decode_strict(
    chunks: Iterable[bytes | OverlongLine],
    *,
    instrument: Instrument,
    tick_size: Decimal | None = None,
) -> Messages:
    """Decode as `decode` does, every line by the strict decoder: the reference it is held to."""
    return join(_decoded(chunks, instrument, _leave_all, _tick(tick_size)))


def _tick(tick_size: Decimal | None) -> Step | None:
    return None if tick_size is None else Step.of(tick_size)


def _leave_all(_chunk: bytes, _rows: Rows) -> None:
    """Scan nothing: every line goes to the strict decoder."""


def _decoded(
    chunks: Iterable[bytes | OverlongLine], instrument: Instrument, scan: Scan, tick: Step | None
) -> Iterator[Messages]:
    decoder = _Decoder(instrument, scan, tick)
    for chunk in chunks:
        if isinstance(chunk, OverlongLine):
            yield decoder.overlong(chunk)
        else:
            yield decoder.messages(chunk)


class _Decoder:
    """Where one capture's decoding stands."""

    def __init__(self, instrument: Instrument, scan: Scan, tick: Step | None) -> None:
        self._instrument, self._scan, self._tick = instrument, scan, tick
        self._rows = Rows()
        self._ignored: Counter[str] = Counter()
        self._dead: list[DeadLetter] = []
        self._n_lines = self._offset = self._n_dead = self._n_dead_bytes = 0

    def messages(self, chunk: bytes) -> Messages:
        """Decode whole lines."""
        ended = chunk if chunk.endswith(b"\n") else chunk + b"\n"
        cursor = self._rows.cursor
        self._rows.begin(n_bytes=len(ended), line_no=self._n_lines)
        while cursor[at.AT] < len(chunk):
            self._scan(ended, self._rows)
            if cursor[at.AT] < len(chunk):
                self._read_strictly(chunk, int(cursor[at.AT]))
        batch = self._settled(chunk)
        self._offset += len(chunk)
        return self._handed_on(batch, int(cursor[at.LINE]) - self._n_lines)

    def overlong(self, line: OverlongLine) -> Messages:
        """Count a line that was too long to be handed over whole."""
        raw = line.prefix[:RAW_BYTES]
        self._rows.begin(n_bytes=0, line_no=self._n_lines)
        self._bury(DeadLetter(self._n_lines, self._offset, line.n_bytes, Reason.OVERLONG.value, raw))
        self._offset += line.n_bytes
        return self._handed_on(settle(self._rows, self._tick), 1)

    def _handed_on(self, batch: Batch, n_lines: int) -> Messages:
        dead, ignored = sorted(self._dead, key=lambda letter: letter.line_no), self._ignored
        self._dead, self._ignored = [], Counter()
        self._n_lines += n_lines
        return Messages(
            n_lines=n_lines,
            px_decimals=batch.px_decimals,
            book=batch.book,
            trades=batch.trades,
            tickers=batch.tickers,
            ignored=dict(sorted(ignored.items())),
            dead_letters=tuple(dead),
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

    def _settled(self, chunk: bytes) -> Batch:
        batch = settle(self._rows, self._tick)
        for letter in self._letters(chunk, batch.off_tick, Reason.OFF_TICK):
            self._bury(letter)
        return batch

    def _bury(self, letter: DeadLetter) -> None:
        self._dead.append(letter)
        self._n_dead += 1
        self._n_dead_bytes += len(letter.raw)
        if self._n_dead > MAX_DEAD_LETTERS or self._n_dead_bytes > MAX_DEAD_BYTES:
            raise NotACapture(
                f"{self._n_dead} of the first {letter.line_no + 1} lines cannot be decoded as {self._instrument} "
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
