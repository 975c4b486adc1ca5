"""Make a model again from the captures and compare every file on the way with the one that was published.

Belongs here: which code makes what, in which folder, and the comparison. Does not: making (kitchen), what is recorded
(recipe).
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from trading_assets.comparison.columns import columns_apart
from trading_assets.comparison.files import leaves
from trading_assets.errors import NotReproduced
from trading_assets.orchestration.apart import told
from trading_assets.orchestration.sources import PACKAGE, files_of, sources
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.reproduction.at_hand import damages, differences
from trading_assets.reproduction.recipe import Making, recipe_of
from trading_assets.storage.database.transactions import query
from trading_assets.storage.formats import DOCUMENT, PARQUET
from trading_assets.storage.records import Version
from trading_assets.storage.store import Store

_KITCHEN: Final = "trading_assets.reproduction.kitchen"
_GIT_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What is made again, where, and by which code."""

    house: Warehouse
    scratch: Path
    """An empty folder."""
    as_recorded: bool
    """By the recorded code and settings, whatever is at hand; else what is at hand has to be what was recorded."""

    def recipe(self, version: Version) -> list[Making]:
        """Return how a version was made, in an order in which it can be made again.

        Raises:
            NotReproduced: what is at hand, or recorded, is not what it was made with; the first difference is named.
        """
        makings = query(self.house.lake.engine, lambda session: recipe_of(session, version))
        for making in makings:
            for difference in self._differences(making):
                raise NotReproduced(difference)
        return makings

    def _differences(self, making: Making) -> Iterator[str]:
        if not self.as_recorded:
            yield from differences(making, self.house.settings, self.house.registry, self.house.lake.store)
            return
        yield from damages(making, self.house.lake.store)
        if making.settings is None or making.code is None:
            yield f"{making.step} of {making.partition}: its settings and sources were not recorded"

    def compared(self, makings: Sequence[Making]) -> Iterator[Making]:
        """Make everything again; yield each that came out byte for byte as it was.

        Raises:
            NotReproduced: something came out otherwise, or not at all; it is named with its first difference.
        """
        for n, (_, some) in enumerate(groupby(makings, key=attrgetter("code_digest"))):
            together = list(some)
            code = self._code_of(together[0])
            yield from self._made_again(together, code, self.scratch / f"kitchen-{n}")

    def _made_again(self, makings: Sequence[Making], code: Path, folder: Path) -> Iterator[Making]:
        folder.mkdir(parents=True)
        (folder / "recipe.json").write_text(json.dumps(self._recipe(makings, code)))
        environment = {**os.environ, "PYTHONPATH": str(code), "TRADING_ASSETS_ROOT": str(self._project_of(code))}
        command = [sys.executable, "-m", _KITCHEN, str(folder)]
        with (
            (folder / "errors").open("w") as errors,
            subprocess.Popen(  # noqa: S603 - our own module
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as kitchen,
        ):
            for making in makings:
                told = kitchen.stdout.readline() if kitchen.stdout else ""
                made = json.loads(told) if told else {"error": f"it was not made: see {folder / 'errors'}"}
                self._compare(making, made)
                yield making

    def _compare(self, making: Making, made: Mapping[str, Any]) -> None:
        of_what = f"{making.step} of {making.partition}"
        if "error" in made:
            raise NotReproduced(f"{of_what}: {made['error']}")
        for asset, version in sorted(making.outputs.items()):
            now = made["outputs"].get(asset)
            if now != version.md5:
                detail = self._first_difference(version, now) if now else "it was not made"
                raise NotReproduced(f"{asset} of {making.partition}: was {version.md5}, is {now}: {detail}")

    def _first_difference(self, version: Version, now: str) -> str:
        """Say in what a file is not as it was: the first columns of a table, the first value of a document."""
        before, after = self.house.lake.store.object_path(version.md5), Store(self.scratch).object_path(now)
        if not before.exists():
            return "the file that was published is not here to compare it with"
        if version.suffix == PARQUET:
            return f"columns {', '.join(columns_apart(before, after)[:5]) or 'alike, but written otherwise'}"
        if version.suffix == DOCUMENT:
            was, is_now = (dict(leaves(json.loads(path.read_bytes()))) for path in (before, after))
            for name in dict.fromkeys([*was, *is_now]):
                if was.get(name) != is_now.get(name):
                    return f"{name} was {_short(was.get(name))}, is {_short(is_now.get(name))}"
        return "other bytes"

    def _recipe(self, makings: Sequence[Making], code: Path) -> dict[str, Any]:
        return {
            "code": makings[0].code_digest,
            "store": str(self.scratch / "store"),
            "migrations": str(self._project_of(code) / "migrations"),
            "gate": self.house.settings.values(["gate"])["gate"],
            "makings": [self._told(making) for making in makings],
        }

    def _told(self, making: Making) -> dict[str, Any]:
        captures = [] if making.inputs else [self.house.lake.store.object_path(v.md5) for v in making.outputs.values()]
        return {
            "step": making.step,
            "partition": str(making.partition),
            "settings": making.values,
            "tick_rules": making.tick_rules,
            "capture": str(captures[0]) if captures else None,
            "inputs": [told(each) for each in making.inputs],
        }

    def _project_of(self, code: Path) -> Path:
        """Return the folder with the revisions and settings that belong to some code: here, or a commit's own."""
        return self.house.settings.root if code == PACKAGE.parent else code

    def _code_of(self, making: Making) -> Path:
        """Return the folder that has the code which made something: this one, or its commit, taken out of git.

        Raises:
            NotReproduced: git does not have it.
        """
        if making.code_digest == sources().digest:
            return PACKAGE.parent
        recorded = json.loads(making.code or "{}")
        commit = str(recorded["commit"] or "").removesuffix("-dirty")
        folder = self.scratch / f"code-{making.code_digest}"
        if not folder.exists():
            _take_out(commit, folder)
        unlike = sorted(set(recorded["files"].items()) ^ set(files_of(folder / PACKAGE.name).items()))
        if unlike:
            raise NotReproduced(
                f"{making.step} of {making.partition}: code: {unlike[0][0]} was not as commit {commit[:12]} has it: "
                "it cannot be had again"
            )
        return folder


def _take_out(commit: str, folder: Path) -> None:
    command = ["git", "-C", str(PACKAGE.parent), "archive", "--format=tar", commit]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=_GIT_TIMEOUT_S)  # noqa: S603 - our own arguments, no shell
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        raise NotReproduced(
            f"commit {commit[:12] or 'of no name'} cannot be taken out of git: {said.decode()}"
        ) from None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _short(value: str | None, *, limit: int = 60) -> str:
    text = "absent" if value is None else value
    return text if len(text) <= limit else f"{text[:limit]}…"
