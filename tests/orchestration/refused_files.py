"""Tables that a real gate refused: builders for tests of the quarantine and of retention."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from toy_steps import record_day, source

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import Outcome, execute
from trading_assets.orchestration.gate import Audit, Gate, Measures, Rule, none_of
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.formats import CAPTURE
from trading_assets.storage.upkeep.quarantine import Quarantine

NAN = float("nan")


def execute_table(warehouse: Warehouse, partition: Partition, values: Sequence[float]) -> Outcome:
    return execute(source(values), partition, warehouse, run_id="run")


def refuse_table(warehouse: Warehouse, partition: Partition, values: Sequence[float] = (1.0, NAN)) -> int:
    """Let the gate refuse a table; return the ticket."""
    assert execute_table(warehouse, partition, values).refusal
    return Quarantine(warehouse.lake).newest("table", partition).ticket_id


def short_captures(max_bytes: int = 10) -> Step:
    """Whatever landed, refused where it is long; once published it stands, and a day is registered."""
    gate = Gate(
        lambda audit: {"n_bytes": audit.staged.stat().st_size},
        lambda _: (Rule("it_is_short", "n_bytes", maximum=max_bytes),),
    )

    @published(Output(gate, suffix=CAPTURE))
    def captures(landed: Sequence[Path], standing: Path | None) -> Callable[[Path], Any]:
        """Whatever landed, else what stands."""
        content = b"".join(path.read_bytes() for path in landed) or (standing.read_bytes() if standing else b"")
        return lambda path: path.write_bytes(content)

    return captures


def land_lines(warehouse: Warehouse, partition: Partition, content: bytes) -> Path:
    path = warehouse.landing(partition) / f"{content.hex()}.{CAPTURE}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def finite_twice() -> Step:
    """Twice the table, with a gate that infinite values do not pass."""

    def measure(audit: Audit) -> Measures:
        return audit.staged.select(pl.col("x").is_infinite().sum().alias("n_infinite")).collect().row(0, named=True)

    @published(Output(Gate(measure, lambda _: (none_of("it_is_finite", "n_infinite"),))))
    def twice(table: pl.LazyFrame) -> pl.LazyFrame:
        """Twice the table."""
        return table.select(pl.col("x") * 2)

    return twice


def refuse_twice(warehouse: Warehouse, partition: Partition) -> int:
    """Let the gate refuse what was made from a published table; return the ticket."""
    record_day(warehouse, partition)
    assert execute_table(warehouse, partition, [1.0, float("inf")]).refusal is None
    assert execute(finite_twice(), partition, warehouse, run_id="run").refusal
    return Quarantine(warehouse.lake).newest("twice", partition).ticket_id
