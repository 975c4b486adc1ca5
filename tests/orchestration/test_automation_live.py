from datetime import date, timedelta
from pathlib import Path

import pytest
from test_backfill import recorded, standing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIRST = date(2024, 8, 1)
BAD = FIRST + timedelta(days=1)
NIGHT = {
    "TRADING_ASSETS_BACKFILL__NIGHTLY_AT": "00:00",
    "TRADING_ASSETS_BACKFILL__NIGHTLY_HOURS": "24",
    "TRADING_ASSETS_BACKFILL__NIGHTLY_DAYS": "100000",
}
"""A night that never ends and looks back for ever."""


def test_what_arrives_is_imported_run_and_backfilled_by_sensors_alone(tmp_path: Path) -> None:
    project = recorded(tmp_path / "project", days=3, bad=BAD, settings=NIGHT)
    arrivals = project.root / "var" / "arrivals"
    project.command(
        "trading-assets", "simulate", "--out", str(arrivals), "--days", "1", "--minutes", "1", "-i", "NEWBTC.BINANCE"
    )
    project.start()
    try:
        for sensor in ("arrivals", "new_captures", "nightly"):
            project.switch_on(sensor)

        project.until(lambda: any("NEWBTC" in key for key in standing(project, "labels")), 600, "the arrival is run")
        settled = "everything of the last days is settled"
        project.until(lambda: settled in str(project.ticks("nightly")[0]["skipReason"]), 600, "the night is done")
        project.until(lambda: not project.unfinished(), 120, "no run is left")
        n_runs, n_ticks = len(project.runs()), len(project.ticks("nightly"))
        project.until(lambda: len(project.ticks("nightly")) > n_ticks + 1, 240, "the night goes on looking")
        runs = project.runs()
    finally:
        project.stop()

    assert f"{BAD}|SIMBTC.BINANCE" not in standing(project, "raw_l2_snapshots")
    assert 3 == len(standing(project, "labels"))
    assert 1 == sum(run["tags"].get("trading_assets/step") == "raw_books" for run in runs if run["status"] == "FAILURE")
    assert n_runs == len(runs)
    assert not list(arrivals.glob("NEWBTC*/*")), "imported files are moved out of the way"
