"""A project of its own with Dagster's web server and daemon running, asked through the same API as the UI."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from catalogs import environment_of, settings_in
from command_line import new_project
from sqlalchemy import Engine

from trading_assets.storage.database.engines import open_engine

BIN = Path(sys.executable).parent
SMALL: Mapping[str, str] = {
    "TRADING_ASSETS_FEATURES__WINDOWS_S": "[1.0,2.0]",
    "TRADING_ASSETS_LABELS__HORIZONS_S": "[1.0,2.0]",
    "TRADING_ASSETS_MODEL__MIN_ROWS": "30",
    "TRADING_ASSETS_MODEL__N_ESTIMATORS": "5",
    "TRADING_ASSETS_MODEL__BOOTSTRAP_SAMPLES": "20",
    "TRADING_ASSETS_MODEL__MIN_CHILD_SAMPLES": "10",
    "TRADING_ASSETS_GATE__LOOKAHEAD_CUTS": "1",
}
"""Settings by which one simulated minute a day goes through the whole graph."""
UNFINISHED = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING", "MANAGED"}
_Answer = TypeVar("_Answer")

LAUNCH = """mutation($backfill: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $backfill) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
BACKFILL = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status
  assetBackfillData { assetBackfillStatuses { ... on AssetPartitionsStatusCounts { assetKey { path }
    numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed numPartitionsInProgress } } } } } }"""
RUNS = """{ runsOrError { ... on Runs { results { runId status assetSelection { path } tags { key value }
  startTime endTime } } } }"""
TICKS = """query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor {
  sensorState { ticks(limit: 1000) { status skipReason error { message } } } } } }"""
SWITCH_ON = """mutation($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) {
  __typename ... on PythonError { message } } }"""


@dataclass
class LiveProject:
    """A project folder, and the processes of `dagster dev` in it."""

    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    server: subprocess.Popen[bytes] | None = None
    port: int = 0

    def __post_init__(self) -> None:
        if not self.root.exists():
            new_project(self.root)

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the project is given."""
        home = str(self.root / "var" / "dagster")
        own = {"TRADING_ASSETS_ROOT": str(self.root), "DAGSTER_HOME": home, **environment_of(self.root)}
        return {**os.environ, **SMALL, **self.settings, **own}

    @cached_property
    def catalog(self) -> Engine:
        """Its catalogue, which others change meanwhile."""
        return open_engine(settings_in(self.root))

    def command(self, name: str, *arguments: str, ok: bool = True) -> str:
        """Run one of the environment's commands in the project, and return what it printed."""
        done = subprocess.run(
            [BIN / name, *arguments], cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or not ok, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def start(self, timeout_s: float = 120) -> None:
        """Start the web server, the daemon and the code server, as `make ui` does."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        log = (self.root / "var" / "dev.log").open("ab")
        self.server = subprocess.Popen(
            [BIN / "dagster", "dev", "-h", "127.0.0.1", "-p", str(self.port)],
            cwd=self.root,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.until(self._is_up, timeout_s, "the web server answers")

    def stop(self) -> None:
        """End the server as Ctrl-C does."""
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def processes(self) -> list[int]:
        """Find every living process that works in this project, by its environment."""
        mark = f"TRADING_ASSETS_ROOT={self.root}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def kill(self) -> None:
        """Kill every process of the project, as a power cut would."""
        while victims := self.processes():
            for victim in victims:
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if self.server is not None:
                self.server.wait()
            time.sleep(0.2)

    def ask(self, query: str, **variables: Any) -> Any:
        """Ask the web server; an error in its answer fails the test."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
            said = json.load(answer)
        assert "errors" not in said, said["errors"]
        return said["data"]

    def launch_backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """Launch a backfill as the UI does, and return its id."""
        selection = [{"path": [name]} for name in assets]
        said = self.ask(LAUNCH, backfill={"assetSelection": selection, "partitionNames": list(partitions)})
        return str(said["launchPartitionBackfill"]["backfillId"])

    def backfill(self, backfill_id: str) -> tuple[str, dict[str, dict[str, int]]]:
        """Return a backfill's status and, by asset, its numbers of partitions."""
        said = self.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]
        statuses = (said["assetBackfillData"] or {"assetBackfillStatuses": []})["assetBackfillStatuses"]
        return said["status"], {one.pop("assetKey")["path"][-1]: one for one in statuses}

    def finished(self, backfill_id: str, timeout_s: float) -> dict[str, dict[str, int]]:
        """Wait for a backfill to end, and return its numbers by asset."""

        def end() -> dict[str, dict[str, int]] | None:
            status, by_asset = self.backfill(backfill_id)
            return by_asset if status.startswith("COMPLETED") or status in {"FAILED", "CANCELED"} else None

        return self.until(end, timeout_s, f"backfill {backfill_id} ends")

    def runs(self) -> list[dict[str, Any]]:
        """Return every run, the newest first, its tags as a mapping."""
        results = self.ask(RUNS)["runsOrError"]["results"]
        return [
            {
                **run,
                "tags": {tag["key"]: tag["value"] for tag in run["tags"]},
                "assets": {key["path"][-1] for key in run["assetSelection"] or []},
            }
            for run in results
        ]

    def switch_on(self, sensor: str) -> None:
        """Switch a sensor on, as a person does in the UI."""
        said = self.ask(SWITCH_ON, sensor=_place(sensor))["startSensor"]
        assert said["__typename"] == "Sensor", said

    def unfinished(self) -> list[str]:
        """Return the ids of runs that have not ended."""
        return [run["runId"] for run in self.runs() if run["status"] in UNFINISHED]

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        """Return every look a sensor took, the newest first; one that failed fails the test."""
        ticks = self.ask(TICKS, sensor=_place(sensor))["sensorOrError"]["sensorState"]["ticks"]
        assert [] == [tick for tick in ticks if tick["status"] == "FAILURE"]
        return list(ticks)

    def until(self, look: Callable[[], _Answer | None], timeout_s: float, what: str) -> _Answer:
        """Look again and again until there is an answer."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if (answer := look()) not in (None, False):
                return answer
            time.sleep(1)
        log = (self.root / "var" / "dev.log").read_text(errors="replace")[-4000:]
        raise AssertionError(f"after {timeout_s:g} s not: {what}\n{log}")

    def _is_up(self) -> bool:
        assert self.server is None or self.server.poll() is None, (self.root / "var" / "dev.log").read_text()[-4000:]
        try:
            said = self.ask("{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }")
        except OSError:
            return False
        return [{"loadStatus": "LOADED"}] == said["workspaceOrError"]["locationEntries"]


def _place(sensor: str) -> dict[str, str]:
    return {"repositoryLocationName": "trading_assets", "repositoryName": "__repository__", "sensorName": sensor}
