"""The graph in outline: its steps, without importing what computes.

Importing the steps takes seconds, because it imports what they compute with. Their outlines are kept in a file, beside
a digest of every source file's size and time and of all settings: the rule by which Python knows whether a module that
it compiled has changed. Where anything is not as it was, the steps are imported and the file is written anew.

Belongs here: keeping outlines. Does not: what an outline is (orchestration/outline).
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from trading_assets.orchestration.days import Days
from trading_assets.orchestration.outline import Outline, of_steps
from trading_assets.settings import Settings

_PACKAGE: Final = Path(__file__).resolve().parent


def graph_outlines(settings: Settings) -> tuple[Outline, ...]:
    """Return the outlines of the whole graph, in its order."""
    path = settings.root / "var" / "outlines.json"
    key = _key(settings)
    with suppress(OSError, ValueError, KeyError, TypeError):  # whatever is wrong with it, it is made anew
        kept = json.loads(path.read_bytes())
        if kept["key"] == key:
            return tuple(_read(each) for each in kept["outlines"])
    from trading_assets.definitions import STEPS  # noqa: PLC0415 - it takes seconds: see above

    found = of_steps(STEPS, settings)
    with suppress(OSError):  # it only saves time
        _write(path, {"key": key, "outlines": [_written(each) for each in found]})
    return found


def _key(settings: Settings) -> str:
    digest = hashlib.md5(settings.model_dump_json().encode(), usedforsecurity=False)
    for path, status in sorted(_sources(str(_PACKAGE))):
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _sources(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _sources(entry.path)
            elif entry.name.endswith(".py"):
                yield entry.path, entry.stat()


def _written(outline: Outline) -> dict[str, Any]:
    return asdict(outline) | {"services": sorted(outline.services)}


def _read(kept: Mapping[str, Any]) -> Outline:
    inputs = {name: Days(**days) for name, days in kept["inputs"].items()}
    told: Mapping[str, Any] = {**kept, "inputs": inputs, "services": frozenset(kept["services"])}
    return Outline(**{**told, "outputs": tuple(kept["outputs"])})


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write beside, then rename: several processes may do so at once."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(content))
    aside.replace(path)
