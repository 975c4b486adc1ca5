"""What publishing a partition costs beyond computing it and writing its file, beside how full the catalogue is.

    python benchmarks/publish.py [--postgres] [PARTITIONS ...]

A step that reads one small table and makes another, with a gate of ten rules, is executed in projects whose catalogues
are filled (full_catalogue). Timed apart and taken off: the step's function, and writing, syncing and digesting the
file. What remains is the ticket, finding and verifying inputs, the gate, and everything that makes the result stand.
The log is off, as in every command. With `--postgres` the catalogue is on a Postgres server that waits for its disk.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import polars as pl
from full_catalogue import FIRST, PROJECT, fill
from loguru import logger
from pydantic import SecretStr

from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.gate import Audit, Gate, Measures, Rule
from trading_assets.orchestration.step import Output, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings, load_settings
from trading_assets.storage.store import Store

sys.path.append(str(PROJECT / "tests" / "servers"))

from postgres_server import PostgresServer, postgres_server

SIZES: Final = (10, 1_000, 20_000)
ROUNDS: Final = 9
ROWS: Final = 1_000
_LOGGING: Final = "trading_assets.orchestration.execute"


def _measures(audit: Audit) -> Measures:
    sums = [pl.col("x").filter(pl.col("x") > n).count().alias(f"n_above_{n}") for n in range(10)]
    return audit.staged.select(sums).collect().row(0, named=True)


GATE: Final = Gate(_measures, lambda _: [Rule(f"rule_{n}", f"n_above_{n}", minimum=0) for n in range(10)])


@published(Output(GATE))
def bench_source(partition: Partition) -> pl.DataFrame:
    """Numbers of their own for each day."""
    return pl.DataFrame({"x": [float(partition.day.toordinal())] * ROWS})


@published(Output(GATE))
def bench_step(bench_source: pl.LazyFrame) -> pl.DataFrame:
    """The same numbers, doubled."""
    return bench_source.select(pl.col("x") * 2).collect()


@dataclass
class Stopwatch:
    """Adds up the time spent in what is no overhead."""

    seconds: float = 0.0

    def timed(self, work: Any) -> Any:  # noqa: ANN401 - whatever is called
        """Return a function that does the same and is timed."""

        def call(*args: Any, **given: Any) -> Any:  # noqa: ANN401 - whatever is called
            start = time.perf_counter()
            try:
                return work(*args, **given)
            finally:
                self.seconds += time.perf_counter() - start

        return call


def measure(
    sizes: Sequence[int] = SIZES, *, rounds: int = ROUNDS, is_on_postgres: bool = False
) -> list[dict[str, float | int | str]]:
    """Return the median overhead of a publication, in ms, for catalogues of several sizes, measured by turns.

    Args:
        sizes: partitions in the catalogue.
        rounds: publications that are timed of each; one more comes before them.
        is_on_postgres: whether the catalogue is on a server of Postgres; else it is SQLite's file.
    """
    with ExitStack() as stack:
        logger.disable(_LOGGING)
        stack.callback(logger.enable, _LOGGING)
        server = stack.enter_context(postgres_server(durable=True)) if is_on_postgres else None
        houses = [stack.enter_context(_house(size, server)) for size in sizes]
        times: list[list[tuple[float, float]]] = [[] for _ in sizes]
        for n in range(rounds + 1):
            for house, found in zip(houses, times, strict=True):
                found.append(_publication(house, n))
    return [
        {
            "what": "publish, on Postgres" if is_on_postgres else "publish",
            "partitions": size,
            "overhead_ms": 1e3 * median(whole - own for whole, own in found[1:]),
            "whole_ms": 1e3 * median(whole for whole, _ in found[1:]),
            "rounds": rounds,
        }
        for size, found in zip(sizes, times, strict=True)
    ]


def _publication(house: Warehouse, n: int) -> tuple[float, float]:
    """Publish one day; return the seconds it took, and those of them spent on computing and writing."""
    day = FIRST + timedelta(days=n % max(1, len(house.registry.registered_days(_market(house)))))
    partition = Partition(day, _market(house))
    execute(bench_source, partition, house, run_id=f"source {n}")
    watch = Stopwatch()
    with patch.object(Store, "stage", watch.timed(Store.stage)):
        step = replace(bench_step, make=_same_parameters(watch.timed(bench_step.make)))
        start = time.perf_counter()
        outcome = execute(step, partition, house, run_id=f"run {n}")
        whole = time.perf_counter() - start
    assert outcome.versions, outcome.refusal  # noqa: S101 - a benchmark of nothing says nothing
    return whole, watch.seconds


def _same_parameters(make: Any) -> Any:  # noqa: ANN401 - a step's function
    def made(bench_source: pl.LazyFrame) -> Any:  # noqa: ANN401 - see above
        return make(bench_source=bench_source)

    return made


def _market(house: Warehouse) -> Instrument:
    return house.registry.instruments()[0]


@contextmanager
def _house(size: int, server: PostgresServer | None) -> Iterator[Warehouse]:
    with tempfile.TemporaryDirectory(dir=PROJECT.parent) as folder:
        settings = _settings(Path(folder))
        if server is not None:
            server.run_sql(f"CREATE DATABASE full_{size}")
            url = SecretStr(server.url(database=f"full_{size}", sslmode="disable"))
            settings = settings.model_copy(update={"catalog": settings.catalog.model_copy(update={"url": url})})
        fill(settings, size)
        yield Warehouse.open(settings)


def _settings(root: Path) -> Settings:
    (root / "migrations").symlink_to(PROJECT / "migrations")
    shutil.copy(PROJECT / "settings.toml", root)
    return load_settings(PROJECT, environment="development").model_copy(update={"root": root})


def main() -> None:
    """Print a line for each size."""
    words = [word for word in sys.argv[1:] if word != "--postgres"]
    for row in measure([int(each) for each in words] or SIZES, is_on_postgres="--postgres" in sys.argv):
        print(
            f"{row['partitions']:>7,} partitions: {row['overhead_ms']:.1f} ms beyond computing and writing, "
            f"{row['whole_ms']:.1f} ms in all (median of {row['rounds']})"
        )


if __name__ == "__main__":
    main()
