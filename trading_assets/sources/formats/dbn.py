"""Databento's binary encoding: metadata and names by its own library, records as arrays laid out as that library says.

Belongs here: the file's header, its records, whose they are. Does not: what a record means (databento).

Document: https://databento.com/docs/standards-and-conventions/databento-binary-encoding. The library's decoder makes a
Python object of each record; viewing them as one array is many times faster, and a test holds both equal.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from trading_assets.errors import InvalidIdentifier, NotACapture
from trading_assets.identifiers import Instrument
from trading_assets.sources.formats.base import Ask
from trading_assets.sources.reader import CaptureReader

if TYPE_CHECKING:
    from databento_dbn import Metadata

MAGIC: Final = b"DBN"

_PREFIX_BYTES: Final = 8  # the magic, a version, and how many bytes of metadata follow
_WORD: Final = 4  # a record says its length in words
_RTYPE: Final = 10
_EPOCH: Final = date(1970, 1, 1)
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")


class Dbn:
    """One DBN file; zstd or gzip by its first bytes.

    Raises:
        NotACapture: it is damaged before its first record, or of another schema.
    """

    def __init__(self, path: Path, ask: Ask) -> None:
        self.n_other = 0  # records of other kinds
        self._reader = CaptureReader(path, max_line_bytes=ask.max_line_bytes)
        self._blocks = self._reader.blocks()
        self._rest = b""
        self._is_cut = False
        self.metadata = self._metadata()
        if self.metadata.schema != "mbp-10":
            raise NotACapture(f"its schema is {self.metadata.schema or 'mixed'}: only mbp-10 is imported")

    @property
    def damage(self) -> str | None:
        """Why the file may hold more than was read."""
        return self._reader.damage or ("it ends in the middle of a record" if self._is_cut else None)

    def records(self) -> Iterator[NDArray[np.void]]:
        """Yield stretches of MBP-10 records in order; others are counted."""
        data = self._rest
        while True:
            records, n_used = self._whole(data)
            if len(records):
                yield records
            data = data[n_used:]
            if n_used:
                continue
            block = next(self._blocks, None)
            if block is None:
                break
            data += block
        self._is_cut = bool(data)

    def _whole(self, data: bytes) -> tuple[NDArray[np.void], int]:
        """Return the MBP-10 records that the data begins with, and how many bytes they, or one other, take."""
        dtype = _dtype(data[0] * _WORD if data else 0)
        n = len(data) // dtype.itemsize
        records = np.frombuffer(data, dtype, n)
        is_other = (records["rtype"] != _RTYPE) | (records["length"] != dtype.itemsize // _WORD)
        n = int(is_other.argmax()) if is_other.any() else n
        if n or not data:
            return records[:n], n * dtype.itemsize
        length = max(data[0] * _WORD, _WORD)
        if len(data) < length or data[1] == _RTYPE:
            return records[:0], 0
        self.n_other += 1
        return records[:0], length

    def _metadata(self) -> "Metadata":
        from databento_dbn import Metadata  # noqa: PLC0415 - only these files need it

        data = self._at_least(b"", _PREFIX_BYTES)
        data = self._at_least(data, n_bytes := _PREFIX_BYTES + int.from_bytes(data[4:_PREFIX_BYTES], "little"))
        self._rest = data[n_bytes:]
        try:
            return Metadata.decode(data[:n_bytes])
        except Exception as error:  # noqa: BLE001 - a library in Rust raises what its base class does not tell
            raise NotACapture(f"its header cannot be read: {error}") from None

    def _at_least(self, data: bytes, n_bytes: int) -> bytes:
        while len(data) < n_bytes:
            block = next(self._blocks, None)
            if block is None:
                raise NotACapture("it ends before its first record")
            data += block
        return data


class Names:
    """Which instrument a number is of on a day, as the file's metadata says.

    Args:
        metadata: its mappings go from symbols to numbers.
        said: what the user says: all records are of this instrument.
    """

    def __init__(self, metadata: "Metadata", said: Instrument | None) -> None:
        self._said = said
        self._numbers: set[int] = set()
        self._venue = metadata.dataset.partition(".")[0]
        self._intervals = [
            (interval["symbol"], interval["start_date"], interval["end_date"], symbol)
            for symbol, intervals in metadata.mappings.items()
            for interval in intervals
        ]

    def of(self, number: int, day: int) -> Instrument:
        """Return the instrument of a number on a day since the epoch.

        Raises:
            NotACapture: the file does not say, or the user named one instrument and there are several.
        """
        if self._said is not None:
            self._numbers.add(number)
            if len(self._numbers) > 1:
                raise NotACapture("it holds several instruments, and --instrument names one for all")
            return self._said
        on = _EPOCH + timedelta(days=day)
        found = {symbol for text, first, end, symbol in self._intervals if text == str(number) and first <= on < end}
        if len(found) != 1:
            raise NotACapture(
                f"it does not say what number {number} was on {on}: name the instrument with --instrument"
            )
        return _instrument(found.pop(), self._venue)


def _instrument(symbol: str, venue: str) -> Instrument:
    try:
        return Instrument.parse(f"{_ODD.sub('-', symbol)}.{venue}")
    except InvalidIdentifier as error:
        raise NotACapture(f"{error}: name the instrument with --instrument") from None


def _dtype(itemsize: int) -> np.dtype[np.void]:
    """Return the library's layout of a record, followed by whatever makes it `itemsize` long."""
    from databento_dbn import MBP10Msg  # noqa: PLC0415 - only these files need it

    layout = np.dtype(MBP10Msg._dtypes)  # noqa: SLF001 - the library offers it to be used so
    rest = max(itemsize - layout.itemsize, 0)
    return np.dtype([*layout.descr, ("rest", f"V{rest}")]) if rest else layout
