"""What Dagster costs a partition in a run of many: a ranged run beside the same steps and plots made without it.

python benchmarks/backfill.py [PARTITIONS]
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).resolve().parents[1]
ROUNDS = 3
STEPS = ("raw_books", "book_features")
SMALL = {
    "FEATURES__WINDOWS_S": "[1.0,2.0]",
    "LABELS__HORIZONS_S": "[1.0,2.0]",
    "GATE__LOOKAHEAD_CUTS": "1",
    "LOG__LEVEL": "ERROR",
}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def project() -> Iterator[Path]:
    """Make a project of its own in a folder that goes with the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("settings.toml", "workspace.yaml", "dagster.yaml"):
            shutil.copy(PROJECT / name, root / name)
        (root / "migrations").symlink_to(PROJECT / "migrations")
        os.environ |= {
            "TRADING_ASSETS_ROOT": folder,
            **{f"TRADING_ASSETS_{key}": value for key, value in SMALL.items()},
        }
        yield root


def seconds(work: object, *given: object) -> float:
    """Time one call."""
    start = time.perf_counter()
    work(*given)  # type: ignore[operator]
    return time.perf_counter() - start


def main() -> None:
    """Print, for each step, the time a partition takes with and without Dagster, and the difference."""
    n_partitions = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with project():
        import dagster as dg  # noqa: PLC0415 - reads the environment that `project` has just set

        from trading_assets import definitions  # noqa: PLC0415 - the same
        from trading_assets.cli.work import open_session, simulate_and_import  # noqa: PLC0415 - the same
        from trading_assets.orchestration.execute import execute  # noqa: PLC0415 - the same

        with open_session() as session:
            wanted = {"instruments": ("SIMBTC.BINANCE",), "days": n_partitions, "minutes_per_day": 1}
            simulate_and_import(session, session.settings.simulate.model_copy(update=wanted))
            partitions = session.partitions(None, date.min, date.max)
            session.instance.add_dynamic_partitions("instrument", ["SIMBTC.BINANCE"])
            assets = {asset.node_def.name: asset for asset in session.assets}
            steps = {step.name: step for step in definitions.STEPS}
            tags = {
                "dagster/asset_partition_range_start": str(partitions[0]),
                "dagster/asset_partition_range_end": str(partitions[-1]),
            }

            def without(name: str) -> None:
                for partition in partitions:
                    outcome = execute(steps[name], partition, session.warehouse, run_id="benchmark")
                    for asset, output in steps[name].outputs.items():
                        if output.plot:
                            output.plot(outcome.audits[asset])

            def with_dagster(name: str) -> None:
                done = dg.materialize(
                    [assets[name]], instance=session.instance, resources=session.handed, tags=tags, run_config=QUIET
                )
                assert done.success  # noqa: S101 - a run that fails early would look fast

            for name in STEPS:
                without(name)
                pairs = [(seconds(without, name), seconds(with_dagster, name)) for _ in range(ROUNDS)]
                own, through = (median(times) / n_partitions for times in zip(*pairs, strict=True))
                print(
                    f"{name}, {n_partitions} partitions: {own:.3f} s a partition, through Dagster {through:.3f} s: "
                    f"{through - own:.3f} s more, {through / own:.2f} times"
                )


if __name__ == "__main__":
    main()
