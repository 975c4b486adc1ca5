"""A refused file beside the version that stands, whatever kind of file it is and whatever is wrong with it.

Belongs here: what can be said of two tables, two captures or two documents.
Does not: finding them (storage/upkeep/quarantine), showing it (cli).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.exceptions import PolarsError

from trading_assets.comparison.tables import RowDifferences, Summary, as_text, row_differences, summaries
from trading_assets.errors import NotACapture
from trading_assets.sections import CaptureSettings
from trading_assets.sources.summary import capture_summary
from trading_assets.storage.formats import CAPTURE, DOCUMENT, PARQUET

UNREADABLE: Final = (PolarsError, OSError, NotACapture, ValueError)
"""What reading a file can end in that is not what it should be."""


@dataclass(frozen=True, slots=True)
class Content:
    """What can be said of one file on its own."""

    facts: Mapping[str, str]
    """In the order in which they are shown."""
    columns: Mapping[str, Summary] = field(default_factory=dict)
    problem: str | None = None
    """Why it could not be read."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A refused file and what stands; `standing` is None where nothing does."""

    refused: Content
    standing: Content | None
    rows: RowDifferences | None = None
    """Where both are tables that can be read."""


def compare(refused: Path, standing: Path | None, suffix: str, *, settings: CaptureSettings, limit: int) -> Comparison:
    """Compare two files of a kind; of what cannot be read it is said why.

    Args:
        refused: the quarantined file.
        standing: the published object, if there is one.
        suffix: the kind of both.
        settings: how captures are read.
        limit: how many rows that are not alike, and how many values of a document, are kept.
    """
    here = content_of(refused, suffix, settings)
    there = content_of(standing, suffix, settings) if standing else None
    if standing is None or there is None or here.problem or there.problem:
        return Comparison(here, there)
    if suffix == DOCUMENT:
        return _of_documents(here, there, limit)
    is_table = suffix == PARQUET
    rows = row_differences(pl.scan_parquet(refused), pl.scan_parquet(standing), limit=limit) if is_table else None
    return Comparison(here, there, rows)


def content_of(path: Path, suffix: str, settings: CaptureSettings) -> Content:
    """Describe one file, or say why it cannot be read."""
    try:
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, "md5").hexdigest()
        facts = {"md5": md5, "bytes": f"{path.stat().st_size:,}"}
    except OSError as error:
        return Content({}, problem=f"{path}: {error.strerror}")
    try:
        if suffix == PARQUET:
            table = pl.scan_parquet(path)
            n_rows = int(table.select(pl.len()).collect().item())
            return Content(facts | {"rows": f"{n_rows:,}"}, summaries(table))
        return Content(facts | (_capture_facts(path, settings) if suffix == CAPTURE else _document_facts(path)))
    except UNREADABLE as error:
        return Content(facts, problem=f"{path}: {str(error).partition(chr(10))[0]}")


def _capture_facts(path: Path, settings: CaptureSettings) -> dict[str, str]:
    found = capture_summary(path, settings)
    return {
        "lines": f"{found.n_lines:,}",
        "bytes of lines": f"{found.n_bytes:,}",
        "lines without a receive time": f"{found.n_unreadable_times:,}",
        "first receive time, ns": as_text(found.first_recv),
        "last receive time, ns": as_text(found.last_recv),
        "intervals of recording": f"{len(found.intervals):,}",
        "damage": found.damage or "none",
    }


def _document_facts(path: Path) -> dict[str, str]:
    return dict(leaves(json.loads(path.read_bytes())))


def _of_documents(here: Content, there: Content, limit: int) -> Comparison:
    """Keep of two documents the values that differ."""
    unlike = [
        name for name in dict.fromkeys([*here.facts, *there.facts]) if here.facts.get(name) != there.facts.get(name)
    ]
    kept = unlike[:limit]
    return Comparison(
        Content({name: here.facts[name] for name in kept if name in here.facts}),
        Content({name: there.facts[name] for name in kept if name in there.facts}),
    )


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever JSON can hold
    """Yield every value of a document with its place: `horizons[0].rows.n`."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for n, each in enumerate(value):
            yield from leaves(each, f"{path}[{n}]")
    else:
        yield path, json.dumps(value)
