import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.race import Entry, Worker, _is_equal
from benchmarks.report import table

ONE = np.array([1.0, np.nan])


@pytest.mark.parametrize(
    ("found", "expected", "is_equal"),
    [
        (ONE, ONE + 1e-12, True),
        (ONE, ONE + 1e-6, False),
        (ONE, ONE[:1], False),
        (ONE, None, False),
        (np.array([1, 2]), np.array([1, 3]), False),
    ],
)
def test_what_two_contenders_made_is_equal_or_not(
    found: np.ndarray,
    expected: np.ndarray | None,
    is_equal: bool,  # noqa: FBT001 - a case of the table
) -> None:
    assert is_equal == _is_equal(found, expected)


def test_a_contender_that_fails_is_named_with_what_it_said() -> None:
    entry = Entry("nobody", "top", "no such contender")

    with (
        Worker(entry, Path(sys.executable), {}) as worker,
        pytest.raises(RuntimeError, match=r"nobody ended with 1: (?s:.)*CONTENDERS"),
    ):
        worker.ask("run")


def test_the_table_shows_each_contender_beside_the_first() -> None:
    rows = [
        {"label": label, "median_s": seconds, "min_s": seconds, "max_s": seconds, "cpu_s": None, "peak_bytes": 2**20}
        for label, seconds in (("ours", 0.1), ("theirs", 0.5))
    ]
    machine = {"when": "2026-01-01T", "commit": "c", "processor": "p", "cores": 2, "memory_gib": 1.0}
    machine |= {"load_average": 0.1, "system": "s", "ours": {"numpy": "2"}, "peers": {"numpy": "1"}}

    shown = table({"machine": machine, "steps": [{"title": "step", "about": "recording", "results": rows}]})

    assert "| step<br>recording | ours | 100.0 | 100 to 100 |  | 1.0 x | 1 |" in shown
    assert "|  | theirs | 500.0 | 500 to 500 |  | 5.0 x | 1 |" in shown
