"""What passes between the gate, the lake and its readers: tickets, drafts, judgements and versions.

Belongs here: plain records. Does not: how they are stored (catalog) or moved (lake).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from trading_assets.identifiers import Partition
from trading_assets.storage.store import StagedFile


@dataclass(frozen=True, slots=True)
class Version:
    """One published version: where it came from and what it is made of."""

    asset: str
    partition: Partition
    md5: str
    suffix: str
    n_bytes: int
    n_rows: int
    code_version: str
    settings_digest: str
    run_id: str
    published_at: datetime
    inputs: tuple[tuple[str, date, str], ...]
    """Upstream asset, day and md5, sorted."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How one rule judged one staged file; a value that could not be measured is None and has not passed."""

    rule: str
    measure: str
    value: float | None
    minimum: float | None
    maximum: float | None
    passed: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A staged file on its way to publication, with the judgements that were passed on it."""

    asset: str
    suffix: str
    file: StagedFile
    judgements: tuple[Judgement, ...] = ()
    offenders: tuple[dict[str, Any], ...] = ()
    """A few rows that break a rule, for people to look at."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a version is computed from and by: equal origins and equal bytes are one version."""

    code_version: str
    settings_digest: str
    inputs: tuple[tuple[str, date, str], ...]
    """Upstream asset, day and md5, sorted."""

    @property
    def digest(self) -> str:
        """Equal for equal origins and no others."""
        return origin_digest(self.code_version, self.settings_digest, "".join(input_line(*i) for i in self.inputs))


def input_line(asset: str, day: date | str, md5: str) -> str:
    """Write one input as `origin_digest` wants it; no asset's name has a space, so that lines sort as inputs do."""
    return f"{asset} {day} {md5}\n"


def inputs_of(lines: Iterable[str]) -> tuple[tuple[str, date, str], ...]:
    """Read lines that `input_line` wrote."""
    parts = (line.split() for line in lines)
    return tuple((asset, date.fromisoformat(day), md5) for asset, day, md5 in parts)


def origin_digest(code_version: str, settings_digest: str, input_lines: str) -> str:
    """Digest an origin whose inputs are written already, in their order: for whoever makes thousands of them."""
    text = f"{code_version}\n{settings_digest}\n{input_lines}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class MadeWith:
    """The settings and the sources of an attempt, word for word: to make the same again."""

    settings_digest: str
    settings: str
    code_digest: str
    code: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to publish one step's partition for as long as no newer ticket is taken."""

    id: int
    step: str
    partition: Partition
    run_id: str
    folder: Path
