"""One contender in a process of its own, which is told over a pipe to run once, and says how long that took.

python benchmarks/worker.py MODULE CONTENDER GIVEN_AS_JSON

Belongs here: the talk with the harness. It runs in the peers' environment as well: only the standard library and NumPy.
Does not: what a contender does (contenders/).

A contender is a function of a module's `CONTENDERS`: given a dictionary, it loads what is not to be timed, and returns
`run`, which is timed, and `arrays`, which turns the outcome of `run` into named arrays to be compared.
"""

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np


def main() -> None:
    """Answer `run` by a JSON line with the seconds, `save PATH` by writing the last outcome; end with the pipe."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    module, name, given = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    run, arrays = importlib.import_module(f"benchmarks.contenders.{module}").CONTENDERS[name](json.loads(given))
    outcome = None
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        if command == "save":
            np.savez(path, **arrays(outcome))
            answers.write("{}\n")
            continue
        outcome = None
        gc.collect()
        start, cpu = perf_counter(), process_time()
        outcome = run()
        spent = {"seconds": perf_counter() - start, "cpu_seconds": process_time() - cpu}
        answers.write(json.dumps({**spent, "peak_bytes": peak_bytes()}) + "\n")


def peak_bytes() -> int:
    """Return the most memory the process had; `ru_maxrss` would begin with that of the harness."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
