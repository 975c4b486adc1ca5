"""What is shown to people: lines that no name can break, tables, and errors in one line.

Belongs here: consoles, colours and layout. Does not: what is worth showing (cli).

Names come from file systems, captures and command lines, so they are never read as markup, and what could move a
terminal's cursor, recolour it or reorder its text is shown as an escape.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trading_assets.errors import TradingAssetsError

MAX_SHOWN: Final = 1000
"""Longest line that is shown of anything; what is longer loses its middle."""
WIDE: Final = 160
"""Columns of a table that goes to a file or a pipe."""

out = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False, emoji=False, markup=False)
err = Console(stderr=True, highlight=False, emoji=False, markup=False)


def visible(text: str, *, limit: int = MAX_SHOWN) -> str:
    """Return `text` on one line of at most about `limit` characters, each of them printable."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]} … {text[-half:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(text: str, end: str = "", style: str = "") -> None:
    """Print one line on standard output, its end in a style."""
    line = Text(visible(text))
    line.append(visible(end), style=style or None)
    out.print(line, soft_wrap=True)


def complain(what: str, text: str, style: str = "bold red") -> None:
    """Print one line on standard error, led by what it is (`error`, `warning`)."""
    line = Text(f"{what}:", style=style)
    line.append(f" {visible(text)}", style="not bold default")
    err.print(line, soft_wrap=True)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> bool:
    """Print a table, as wide as it needs to be where no person watches; False, and nothing, without rows."""
    table = Table(title=title, show_lines=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(visible(cell)) for cell in row))
    if table.rows:
        out.print(table)
    return bool(table.rows)


def hush() -> None:
    """Say no more on standard output: the reader at the other end of the pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def in_one_line(error: Exception) -> str | None:
    """Say what a person can act on, or None for an error that is a mistake of ours and deserves its traceback.

    Libraries are known by name, so that none is imported to print an error.
    """
    if isinstance(error, TradingAssetsError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    if isinstance(error, MemoryError):
        return "out of memory: take fewer or smaller files at a time"
    library = type(error).__module__.partition(".")[0]
    if library in {"sqlalchemy", "alembic"}:
        reason = getattr(error, "orig", None) or error
        return f"the catalogue, Dagster's storage or MLflow's store: {str(reason).partition(chr(10))[0]}"
    return None
