"""Measure everything side by side, and write one table and one JSON.

    python -m benchmarks [--only STEP ...] [--rounds N] [--peers FOLDER] [--print]

A contender's output is compared before it is timed: where two differ, nothing is written. What is measured alone takes
its place among the results that are there, which say when that was.
"""

import argparse
import sys
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import report, serving, sizes, startup
from benchmarks.machine import machine
from benchmarks.race import Result, race
from benchmarks.recordings import KEPT, PROJECT, recording
from benchmarks.steps import STEPS, Step

SLOW: Final = frozenset({"whole_nautilus"})
"""Steps of which a round takes most of a minute; five rounds all the same."""


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of steps; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", type=Path, default=PROJECT / ".venv-peers")
    parser.add_argument("--print", action="store_true", dest="is_printed", help="print, and write nothing")
    options = parser.parse_args()
    pythons = {True: Path(sys.executable), False: options.peers / "bin" / "python"}
    found: dict[str, Any] = {"machine": machine(pythons), "steps": []}

    def wanted(name: str) -> bool:
        return not options.only or name in options.only

    for step in STEPS:
        if wanted(step.name):
            found["steps"] += _steps(step, pythons, 5 if step.name in SLOW else options.rounds)
    for name in startup.COMMANDS:
        if wanted(name):
            results = startup.measure(name, pythons[True], rounds=options.rounds)
            found["steps"].append(_shown(name, startup.TITLES[name], "processes begun anew", results))
    if wanted(serving.NAME):
        results = serving.measure(pythons[True], rounds=serving.ROUNDS)
        found["steps"].append(_shown(serving.NAME, serving.TITLE, serving.ABOUT, results))
    if wanted("sizes"):
        found["sizes"] = sizes.recordings(pythons)
    if wanted("catalogue"):
        found["catalogue"] = sizes.catalogues()
    print(report.table(found))
    if not options.is_printed:
        report.write(report.joined(found) if options.only else found)


def _steps(step: Step, pythons: dict[bool, Path], rounds: int) -> list[dict[str, Any]]:
    shown = []
    for market in step.markets:
        about = market if step.turns == 1 else f"{market}, {step.turns} turns"
        given = recording(market, step.turns)
        if step.needs_tables:
            given = _tables(given)
        results = race(step.entries, given, pythons, rounds=rounds)
        print(f"{step.name} {market}: " + ", ".join(f"{r.label} {1e3 * r.median:.0f} ms" for r in results), flush=True)
        shown.append(_shown(step.name, step.title, about, results))
    return shown


def _tables(given: dict[str, Any]) -> dict[str, Any]:
    """Rebuild a recording into the tables that features are made of."""
    from trading_assets.identifiers import Instrument, Partition  # noqa: PLC0415 - start-up is measured without
    from trading_assets.raw.replay import replay_day  # noqa: PLC0415 - the same
    from trading_assets.settings import load_settings  # noqa: PLC0415 - the same
    from trading_assets.storage.registry import TickRules  # noqa: PLC0415 - the same

    folder = KEPT / "tables"
    folder.mkdir(exist_ok=True)
    day = date.fromisoformat(given["day"])
    partition = Partition(day, Instrument.parse(given["instrument"]))
    settings = load_settings(PROJECT, environment="development")
    replayed = replay_day({day: Path(given["capture"])}, partition, TickRules(), settings, folder)
    replayed.findings.gaps.write_parquet(folder / "gaps.parquet")
    books, trades = (str(replayed.files[name]) for name in ("raw_l2_snapshots", "raw_trades"))
    return {"books": books, "trades": trades, "gaps": str(folder / "gaps.parquet")}


def _shown(name: str, title: str, about: str, results: list[Result]) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "about": about,
        "results": [
            {
                "label": each.label,
                "median_s": each.median,
                "min_s": min(each.seconds),
                "max_s": max(each.seconds),
                "seconds": each.seconds,
                "cpu_s": median(each.cpu_seconds) if each.cpu_seconds else None,
                "peak_bytes": each.peak_bytes,
            }
            for each in results
        ],
    }


if __name__ == "__main__":
    main()
