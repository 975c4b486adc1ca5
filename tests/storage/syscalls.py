"""What a child of `crash_server` asks of the system while it publishes, seen by strace, and faults that strace plants.

Only calls that may change a file are looked at (`CHANGING`), and of these only those that touch the lake or the
catalogue.
"""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from crash_process import CrashServer, Ended

BY_DESCRIPTOR = {"write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate", "mmap", "sendfile"}
BY_DESCRIPTOR |= {"fsync", "fdatasync", "sync_file_range", "syncfs", "fchmod", "fchown", "fsetxattr", "copy_file_range"}
BY_PATH = {"open", "openat", "openat2", "creat", "truncate", "rename", "renameat", "renameat2", "link", "linkat"}
BY_PATH |= {"symlink", "symlinkat", "mkdir", "mkdirat", "mknodat", "unlink", "unlinkat", "rmdir", "setxattr"}
BY_PATH |= {"chmod", "fchmodat", "fchmodat2", "chown", "fchownat", "utimensat"}
CHANGING = BY_DESCRIPTOR | BY_PATH
OPENING = {"open", "openat", "openat2", "creat"}
UNSEEN = {"io_uring_setup", "splice", "vmsplice"}
"""Calls through which files could be changed unseen."""
MARKS = {"access", "faccessat", "faccessat2"}

_CALL = re.compile(r"^(\d+)\s+(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>(.*)$")
_DESCRIPTOR = re.compile(r"\d+<(/[^>]*)>")
_NAME = re.compile(r'(?:(?:AT_FDCWD|\d+)<(/[^>]*)>, )?"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Call:
    """One system call: whose, which, with what arguments and result, and the path that it changes."""

    thread: str
    name: str
    arguments: str

    @property
    def mark(self) -> str | None:
        """The mark that the child made by it."""
        found = re.search(r'"/effect/(\w+)"', self.arguments) if self.name in MARKS else None
        return found[1] if found else None

    @property
    def has_failed(self) -> bool:
        """Whether it changed nothing, because the system refused."""
        return bool(re.search(r" = -1 E\w+", self.arguments))

    @property
    def may_change(self) -> bool:
        """Whether it is of a kind that changes a file or makes a change safe."""
        if self.name in OPENING:
            return any(flag in self.arguments for flag in ("O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC"))
        if self.name == "mmap":
            return "MAP_SHARED" in self.arguments and "PROT_WRITE" in self.arguments
        return self.name in CHANGING

    @property
    def paths(self) -> list[Path]:
        """The paths that it names, in its own order: the last is the one it changes."""
        if self.name in BY_DESCRIPTOR:
            return [Path(path) for path in _DESCRIPTOR.findall(self.arguments)]
        return [Path(folder, name) for folder, name in _NAME.findall(self.arguments)]

    @property
    def told_as(self) -> Path:
        """The path by which strace's filter knows it: a rename's source, and of a name in an open folder the folder."""
        if self.name == "rename":
            return self.paths[0]
        if self.name in BY_PATH and not (names := _NAME.findall(self.arguments))[-1][1].startswith("/"):
            return Path(names[-1][0])
        return self.paths[-1]


@dataclass(frozen=True)
class Spot:
    """One call to plant a fault at: the n-th of its name on a path below the root."""

    name: str
    path: Path
    n: int


def ensure_strace() -> None:
    """Skip where there is no strace."""
    if shutil.which("strace") is None:
        # a tool that few machines have; .ci/run installs it, so that these tests run where a change is judged
        pytest.skip("no strace: apt-get install strace")


def traced(server: CrashServer, scenario: str, root: Path, log: Path, *options: str) -> Ended:
    """Play a scenario under strace."""
    child = server.start(scenario, root, traced=True)
    command = ["strace", "-f", "-y", "-s", "16", "-o", str(log), *options, "-p", str(child)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        said = tracer.stderr.readline()  # type: ignore[union-attr]  # it has a pipe
        os.kill(child, signal.SIGCONT)
        ended = server.ended()
        tracer.communicate()
    if "attached" not in said:
        # containers and hardened kernels forbid tracing, whoever asks: nothing here could change that
        pytest.skip(f"strace may not trace here: {said.strip()}")
    return ended


def recorded(server: CrashServer, scenario: str, root: Path, log: Path) -> list[Call]:
    """Return the calls of a scenario from its first mark on that touch the root, and its marks."""
    names = ",".join(f"?{name}" for name in sorted(CHANGING | UNSEEN | MARKS))
    ended = traced(server, scenario, root, log, "-e", f"trace={names}")
    assert ended.passed
    calls = list(parsed(log))
    assert [] == [call for call in calls if call.name in UNSEEN]
    return [call for call in calls if call.mark or touches(call, root)]


def touches(call: Call, root: Path) -> bool:
    return call.may_change and not call.has_failed and any(path.is_relative_to(root) for path in call.paths)


def parsed(log: Path) -> Iterator[Call]:
    """Read strace's log; a call that others interrupt is told where it began."""
    calls: list[Call] = []
    unfinished: dict[str, int] = {}
    for line in log.read_text(errors="replace").splitlines():
        if found := _RESUMED.match(line):
            begun = calls[unfinished.pop(found[1])]
            calls[calls.index(begun)] = Call(begun.thread, begun.name, begun.arguments + found[3])
        elif found := _CALL.match(line):
            if "<unfinished ...>" in line:
                unfinished[found[1]] = len(calls)
            calls.append(Call(*found.groups()))
    yield from calls


def spots(calls: list[Call], root: Path) -> list[Spot]:
    """Say of every changing call how strace finds it again."""
    counts: Counter[tuple[str, str, Path]] = Counter()
    found = []
    for call in calls:
        if call.mark:
            continue
        key = (call.thread, call.name, call.told_as)
        counts[key] += 1
        found.append(Spot(call.name, call.told_as.relative_to(root), counts[key]))
    return found


def planted(spot: Spot, root: Path, fault: str) -> list[str]:
    """Return strace's options that plant a fault at a spot."""
    inject = f"inject={spot.name}:{fault}:when={spot.n}"
    return ["-P", str(root / spot.path), "-e", f"trace={spot.name}", "-e", inject]
