"""Delimited text in: the rows of a table as columns of text, and the rows that cannot be read as they stood.

Belongs here: cutting, checking and naming columns. Does not: what a column means (one module a format).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from trading_assets.errors import NotACapture
from trading_assets.sources.reader import CaptureReader, Fragment

NUMBER: Final = "(?:0|[1-9][0-9]*)(?:[.][0-9]+)?"
"""A decimal number not below zero. A row whose numbers have exponents is read as well, these written out."""
INTEGER: Final = "0|[1-9][0-9]{0,17}"
"""An id that surely fits int64."""
CHUNK_BYTES: Final = 4 * 2**20
"""Enough that what a block costs beside its rows does not count."""
ROW: Final = "row"
TEXT: Final = "text"
MAX_UNREADABLE_HEAD: Final = 10_000
"""With more unreadable rows before the first that can be read, this is no such table."""
_BOM: Final = b"\xef\xbb\xbf"
"""What some programs put before the first row of UTF-8: it is no part of it."""
_EXPONENT: Final = re.compile(r"[0-9]+(?:[.][0-9]+)?[eE][+-]?[0-9]{1,2}")


class Rows(NamedTuple):
    """A stretch of a table: its readable rows in order, and those that cannot be read."""

    frame: pl.DataFrame
    """A text column a column of the table, null where a field is empty; `ROW`, the number from 0, and `TEXT`."""
    unreadable: dict[int, bytes]
    """Row number -> the row as it stood."""


class Table:
    """A text table being read; gzip or zstd by its first bytes.

    Args:
        path: a regular file.
        columns: column -> the pattern of its fields, in the order of the file.
        header: the row that names the columns, skipped wherever it stands, for such files are joined end to end.
        max_line_bytes: a longer row refuses the file.
        may_go_on: whether a row may have more fields than are named.
    """

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, str],
        *,
        header: bytes | None,
        max_line_bytes: int,
        may_go_on: bool = False,
    ) -> None:
        self.n_rows = self.n_unreadable = 0
        self._path, self._header = path, header
        self._schema = dict.fromkeys(columns, pl.String)
        fields = ",".join(f"(?:{pattern})" for pattern in columns.values())
        self._row = f"^{fields}{'(?:,.*)?' if may_go_on else ''}$"
        self._is_row = re.compile(self._row)
        self._reader = CaptureReader(path, max_line_bytes=max_line_bytes, chunk_bytes=CHUNK_BYTES)

    @property
    def damage(self) -> str | None:
        """Why what was read is not all of it, or None."""
        return self._reader.damage

    def rows(self) -> Iterator[Rows]:
        """Yield every row but headers, about 1 MiB of text at a time.

        Raises:
            NotACapture: it cannot be read as such a table.
        """
        waiting: dict[int, bytes] = {}
        is_head = True
        for piece in self._reader.pieces():
            if isinstance(piece, Fragment):
                raise NotACapture(f"{self._path}: a row is as long as a book: this is not such a table")
            found = self._read(piece)
            waiting |= found.unreadable
            is_head = is_head and found.frame.is_empty()
            if not is_head:
                yield Rows(found.frame, waiting)
                waiting = {}
            elif len(waiting) > MAX_UNREADABLE_HEAD:
                break
        if is_head:
            if not waiting:
                raise NotACapture(f"{self._path} has no row: nothing to import; is it the whole file?")
            shown = ascii(next(iter(waiting.values()))[:80].decode("latin-1"))  # whatever it holds, no terminal minds
            raise NotACapture(f"{self._path}: no row of it can be read, the first is {shown}: name another --format")

    def nothing(self) -> pl.DataFrame:
        """Return a frame of the table's columns without a row."""
        return pl.DataFrame(schema={**self._schema, ROW: pl.Int64, TEXT: pl.String})

    def _read(self, chunk: bytes) -> Rows:
        chunk = chunk.removeprefix(_BOM) if self.n_rows == 0 else chunk
        text = chunk.replace(b"\r\n", b"\n") if b"\r\n" in chunk else chunk
        text = text.removesuffix(b"\r")  # the last row of a file may lack the end of its line, or half of it
        lines = pl.Series([text.decode("latin-1")]).str.split("\n").explode()  # any byte is a character, and back
        lines = lines.filter(lines != "")
        if self._header is not None:
            lines = lines.filter(lines != self._header.decode("latin-1"))
        numbers = pl.int_range(self.n_rows, self.n_rows + len(lines), eager=True).alias(ROW)
        self.n_rows += len(lines)
        is_readable = lines.str.contains(self._row)
        if is_readable.all():
            return Rows(self._columns(lines).with_columns(numbers, lines.alias(TEXT)), {})
        fields, unreadable = self._mended(lines, ~is_readable)
        frame = self._columns(fields.drop_nulls()).with_columns(
            numbers.filter(fields.is_not_null()), lines.filter(fields.is_not_null()).alias(TEXT)
        )
        self.n_unreadable += len(unreadable)
        return Rows(frame, {int(numbers[at]): line for at, line in unreadable.items()})

    def _mended(self, lines: pl.Series, is_odd: pl.Series) -> tuple[pl.Series, dict[int, bytes]]:
        """Write exponents out where that makes odd rows readable: rows, or null, and place -> a row left as it was."""
        places, odd = is_odd.arg_true().to_list(), lines.filter(is_odd).to_list()
        mended = [text if self._is_row.match(text := without_exponents(line)) else None for line in odd]
        left = zip(places, odd, mended, strict=True)
        unreadable = {at: line.encode("latin-1") for at, line, text in left if text is None}
        return lines.clone().scatter(places, pl.Series(mended, dtype=pl.String)), unreadable

    def _columns(self, lines: pl.Series) -> pl.DataFrame:
        if lines.is_empty():
            return pl.DataFrame(schema=self._schema)
        text = str(lines.str.join("\n").item()).encode()
        return pl.read_csv(
            text,
            has_header=False,
            quote_char=None,
            schema=self._schema,
            truncate_ragged_lines=True,
            extra_columns="ignore",
        )


def header_of(head: bytes) -> tuple[bytes, Sequence[str]]:
    """Return the first row of a table, without its line end, and the columns it names."""
    row = head.split(b"\n", 1)[0].removeprefix(_BOM).removesuffix(b"\r")
    return row, row.decode("latin-1").split(",")


def without_exponents(row: str) -> str:
    """Write a row's numbers with an exponent as plain decimals, exactly: `1.5e-7` as `0.00000015`."""
    return ",".join(format(Decimal(field), "f") if _EXPONENT.fullmatch(field) else field for field in row.split(","))


def optional(pattern: str) -> str:
    """Let a field be empty."""
    return f"(?:{pattern})?"
