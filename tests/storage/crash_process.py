"""The tests' side of `crash_server`: start it, send it orders, and copies of lakes to try them on."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crash_house import OLD, PROJECT, copied, litter, open_house, publish, refuse

from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.durability.effects import Effect

HERE = Path(__file__).parent
NO_ORDERS = {"kill_at": None, "limited_from": None, "max_file_bytes": 0, "traced": False}


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit status, the effects it passed (None if it was killed), and what it raised."""

    status: int
    passed: list[Effect] | None
    error: str | None


@dataclass(frozen=True)
class CrashServer:
    """A warm process whose children publish."""

    process: "subprocess.Popen[str]"

    def start(self, scenario: str, root: Path, **orders: int | bool) -> int:
        """Fork a child and return its number; the orders are those of the server."""
        order = {"scenario": scenario, "root": str(root), **NO_ORDERS, **orders}
        self.process.stdin.write(json.dumps(order) + "\n")  # type: ignore[union-attr]  # it has a pipe
        self.process.stdin.flush()  # type: ignore[union-attr]  # see above
        return int(self._answer()["child"])

    def ended(self) -> Ended:
        answer = self._answer()
        passed = answer["passed"]
        return Ended(answer["status"], passed and [Effect(number) for number in passed], answer["error"])

    def run(self, scenario: str, root: Path, **orders: int | bool) -> Ended:
        self.start(scenario, root, **orders)
        return self.ended()

    def _answer(self) -> dict[str, object]:
        line = self.process.stdout.readline()  # type: ignore[union-attr]  # see above
        assert line, "the crash server died"
        return json.loads(line)


@contextmanager
def crash_server(wrapper: Sequence[str] = ()) -> Iterator[CrashServer]:
    """Start a server, if so wished within another command that becomes it."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (HERE, HERE.parent / "servers", PROJECT))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "POLARS_MAX_THREADS": "2",
    }
    command = [*wrapper, sys.executable, str(HERE / "crash_server.py")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            server = CrashServer(process)
            assert server._answer() == {"ready": True}
            yield server
        finally:
            process.kill()


def make_templates(folder: Path) -> dict[str, Path]:
    """Make a lake that is empty, one with an old version, litter and a landed file, and one with a refusal besides."""
    empty, lived_in, refused = folder / "empty", folder / "lived_in", folder / "refused"
    house = open_house(empty)
    upgrade_catalog(house.lake.engine, PROJECT / "migrations")
    house.lake.engine.dispose()
    copied(empty, lived_in)
    house = open_house(lived_in)
    publish(house, OLD)
    litter(house)
    house.lake.engine.dispose()
    copied(lived_in, refused)
    house = open_house(refused)
    refuse(house)
    house.lake.engine.dispose()
    return {"empty": empty, "lived_in": lived_in, "refused": refused}
