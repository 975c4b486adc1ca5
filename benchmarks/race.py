"""Contenders side by side: each in a process of its own, checked equal first, then run by turns.

Belongs here: the talk with the workers, and medians. Does not: what is run (steps) and how it is shown (report).
"""

import json
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import numpy as np

HERE: Final = Path(__file__).resolve().parent
TOLERANCE: Final = 1e-9


class Unequal(Exception):
    """Two contenders made different things: no time is worth reading."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A contender: what it is called in the table, where it is, whose Python runs it."""

    label: str
    module: str
    name: str
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a contender took: seconds of each round, of the clock and of processors; its process's most memory."""

    label: str
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def median(self) -> float:
        """The middle of its rounds."""
        return median(self.seconds)


class Worker:
    """A contender's process; a context that ends it."""

    def __init__(self, entry: Entry, python: Path, given: dict[str, Any]) -> None:
        self.entry = entry
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [str(python), str(HERE / "worker.py"), entry.module, entry.name, json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, command: str) -> dict[str, Any]:
        """Send a command, and wait for the answer.

        Raises:
            RuntimeError: the process ended; with the last of what it said.
        """
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise RuntimeError("the worker has no pipes")
        try:
            stdin.write(command + "\n")
            stdin.flush()
            answer = stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            said = stderr.read()[-2000:]
            raise RuntimeError(f"{self.entry.label} ended with {self._process.wait()}: {said}")
        parsed: dict[str, Any] = json.loads(answer)
        return parsed


def race(entries: Sequence[Entry], given: dict[str, Any], pythons: dict[bool, Path], *, rounds: int) -> list[Result]:
    """Run each contender once to compare what they make, then `rounds` times by turns.

    Args:
        entries: the first is the one all others are compared with.
        given: what each is told.
        pythons: ours under True, the peers' under False.
        rounds: how often each is timed.

    Raises:
        Unequal: a contender made other numbers than the first.
        RuntimeError: a contender failed.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        workers = [stack.enter_context(Worker(each, pythons[each.is_ours], given)) for each in entries]
        _compare(workers, folder)
        results = [Result(each.label) for each in entries]
        peaks = [0] * len(entries)
        for _ in range(rounds):
            for n, worker in enumerate(workers):
                answer = worker.ask("run")
                results[n].seconds.append(answer["seconds"])
                results[n].cpu_seconds.append(answer["cpu_seconds"])
                peaks[n] = answer["peak_bytes"]
    return [replace(each, peak_bytes=peak) for each, peak in zip(results, peaks, strict=True)]


def _compare(workers: Sequence[Worker], folder: Path) -> None:
    expected: dict[str, np.ndarray] = {}
    for n, worker in enumerate(workers):
        worker.ask("run")
        path = folder / f"{n}.npz"
        worker.ask(f"save {path}")
        with np.load(path) as file:
            found = dict(file)
        expected = expected or found
        if not found or (
            wrong := [name for name, values in found.items() if not _is_equal(values, expected.get(name))]
        ):
            raise Unequal(
                f"{worker.entry.label} differs from {workers[0].entry.label}: {wrong if found else 'nothing'}"
            )


def _is_equal(found: np.ndarray, expected: np.ndarray | None) -> bool:
    if expected is None or found.shape != expected.shape:
        return False
    if found.dtype.kind != "f":
        return bool(np.array_equal(found, expected))
    return bool(np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
