"""A process that forks one that publishes for every line it is sent, so that imports are paid once.

It reads orders `{"scenario", "root", "kill_at", "limited_from", "max_file_bytes", "traced"}` and answers, after the
child's number, with `{"status", "passed", "error"}`. The child is killed at the `kill_at`-th effect that it passes, and
from the effect `limited_from` on may write no file beyond `max_file_bytes`. A traced child waits until the tracer is
attached, and names every passing to it by a system call that does nothing.

Nothing here may use Polars before the fork: its threads do not survive one.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from crash_house import SCENARIOS, default_settings, open_house

from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect

PR_SET_PTRACER = 0x59616D61
ANYONE = ctypes.c_ulong(-1)


def act(order: dict[str, Any], answer: int) -> None:
    """Be the child: play the scenario, and be killed on the way if so ordered."""
    passed: list[int] = []

    def passing(effect: Effect) -> None:
        passed.append(effect)
        if order["traced"]:
            os.access(f"/effect/{effect:d}", os.F_OK)
        if order["limited_from"] == effect:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["max_file_bytes"], resource.RLIM_INFINITY))
        if order["kill_at"] == len(passed):
            os.kill(os.getpid(), signal.SIGKILL)

    if order["traced"]:
        await_tracer()
    effects.passing = passing
    error = None
    try:
        SCENARIOS[order["scenario"]](open_house(Path(order["root"])))
    except Exception as raised:  # noqa: BLE001 - whatever it is, the test wants to see it
        error = f"{type(raised).__name__}: {raised}"
    os.access("/effect/end", os.F_OK)
    os.write(answer, json.dumps({"passed": passed, "error": error}).encode())


def await_tracer() -> None:
    """Let anyone trace this process, and stop until someone lets it go on."""
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYONE, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    os.access("/effect/begin", os.F_OK)


def serve(order: dict[str, Any]) -> dict[str, Any]:
    """Fork a child, wait for its end and tell it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            act(order, writer)
        finally:
            os._exit(os.EX_OK)
    os.close(writer)
    if order["traced"]:
        os.waitpid(child, os.WUNTRACED)  # until it has stopped: only then is there a stop to wake it from
    say({"child": child})
    with os.fdopen(reader) as file:
        told = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"status": status, **(json.loads(told) if told else {"passed": None, "error": None})}


def say(message: dict[str, Any]) -> None:
    """Answer with one line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    default_settings()
    say({"ready": True})
    for line in sys.stdin:
        say(serve(json.loads(line)))
