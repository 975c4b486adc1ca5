"""Processes of a server: all of them at once, and none that is somebody else's."""

import ctypes
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

PID_FILE = "postmaster.pid"
IPC_RMID = 0


def postmaster_of(data: Path) -> psutil.Process | None:
    """Return the process that serves a data folder; its file may be of one that died, whose number another has now."""
    try:
        process = psutil.Process(int((data / PID_FILE).read_text().split("\n", 1)[0]))
        return process if str(data) in process.cmdline() else None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None


def stop_family(parent: psutil.Process) -> list[psutil.Process]:
    """Stop a process and then its children, so that it can make no more of them; return all."""
    family = [parent]
    send([parent], signal.SIGSTOP)
    try:
        family += parent.children(recursive=True)
    except psutil.Error:
        return family
    send(family[1:], signal.SIGSTOP)
    return family


def resume_family(parent: psutil.Process) -> None:
    """Let the children go on and then their parent."""
    send([*parent.children(recursive=True), parent], signal.SIGCONT)


def kill_family(parent: psutil.Process) -> None:
    """Kill a process and all its children, as a power cut would: none has time to say anything to another."""
    family = stop_family(parent)
    send(family, signal.SIGKILL)
    until = time.monotonic() + 30
    while any(map(is_alive, family)) and time.monotonic() < until:
        time.sleep(0.005)


def is_alive(process: psutil.Process) -> bool:
    """Whether a process has memory; one that only waits to be asked how it ended has none."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(processes: Iterable[psutil.Process], number: int) -> None:
    """Send a signal to each that is still there."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def free_memory(data: Path) -> None:
    """Give back the segment of shared memory that a killed server could not give back; a new one would take it over."""
    lines = (data / PID_FILE).read_text().splitlines() if (data / PID_FILE).exists() else []
    if len(lines) > 6 and len(numbers := lines[6].split()) == 2:
        ctypes.CDLL(None).shmctl(int(numbers[1]), IPC_RMID, None)
