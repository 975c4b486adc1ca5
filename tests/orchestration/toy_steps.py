"""Steps small enough to see through, with a real gate: builders for tests of the protocol."""

from collections.abc import Callable
from typing import Any

import polars as pl

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.gate import Audit, Gate, Measures, Rule, none_of
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.formats import CAPTURE

COLUMNS = {"x": pl.Float64()}


def _measure(audit: Audit) -> Measures:
    table = audit.staged.select(pl.len().alias("n_rows"), pl.col("x").is_nan().sum().alias("n_nan")).collect()
    return table.row(0, named=True)


def toy_gate(measure: Callable[[Audit], Measures] = _measure) -> Gate:
    return Gate(
        measure=measure,
        rules=lambda _: (Rule("it_has_rows", "n_rows", minimum=2), none_of("it_is_not_nan", "n_nan")),
        columns=lambda _: COLUMNS,
    )


def source(values: Any = (1.0, 2.0), *, gate: Gate | None = None) -> Step:
    @published(Output(gate or toy_gate()))
    def table() -> pl.DataFrame:
        """A table of given values."""
        return values if isinstance(values, pl.DataFrame) else pl.DataFrame({"x": list(values)})

    return table


def doubled() -> Step:
    @published(Output(toy_gate()))
    def twice(table: pl.LazyFrame) -> pl.LazyFrame:
        """Twice the table."""
        return table.select(pl.col("x") * 2)

    return twice


def record_day(warehouse: Warehouse, partition: Partition) -> None:
    """Publish a capture, so that the day is registered."""

    @published(Output(Gate(lambda _: {"n": 1}, lambda _: (Rule("it_is", "n", minimum=1),)), suffix=CAPTURE))
    def captures() -> Callable[..., Any]:
        """One line."""
        return lambda path: path.write_bytes(f"{partition}\n".encode())

    assert execute(captures, partition, warehouse, run_id="record").refusal is None
