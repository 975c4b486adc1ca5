import math
import time
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_steps import record_day, source, toy_gate

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.gate import Audit, Rule, expect, none_of
from trading_assets.orchestration.warehouse import Warehouse


@pytest.mark.parametrize(
    ("value", "is_within"),
    [(0, True), (1, False), (-1, False), (None, False), (float("nan"), False), (float("inf"), False)],
)
def test_a_count_of_offences_passes_only_when_it_is_zero(value: float | None, is_within: bool) -> None:  # noqa: FBT001 - a table
    (judgement,) = expect({"n": value}, [none_of("none", "n")])

    assert is_within is judgement.passed


def test_a_measure_that_nobody_took_fails_its_rule() -> None:
    first, second = expect({"n": 0}, [none_of("none", "n"), Rule("other", "m", minimum=0)])

    assert (True, False, None) == (first.passed, second.passed, second.value)


def test_limits_are_inclusive_and_may_be_open() -> None:
    rules = [Rule("a", "n", minimum=3), Rule("b", "n", maximum=3), Rule("c", "n", minimum=3.1)]

    assert [True, True, False] == [judgement.passed for judgement in expect({"n": 3}, rules)]


values = st.none() | st.floats() | st.integers(-3, 3)
limits = st.none() | st.floats(-3, 3, allow_nan=False) | st.integers(-3, 3)


@settings(max_examples=30)
@given(cases=st.lists(st.tuples(values, limits, limits).filter(lambda case: case[1:] != (None, None)), min_size=1))
def test_every_rule_is_judged_by_its_own_limits(cases: list[tuple[float | None, float | None, float | None]]) -> None:
    rules = [Rule(f"rule {n}", f"m{n}", low, high) for n, (_, low, high) in enumerate(cases)]
    found = expect({f"m{n}": value for n, (value, _, _) in enumerate(cases)}, rules)

    assert [is_within(*case) for case in cases] == [judgement.passed for judgement in found]


def is_within(value: float | None, low: float | None, high: float | None) -> bool:
    if value is None or not math.isfinite(value):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def test_a_rule_without_a_limit_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="could not fail"):
        Rule("idle", "n")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1.0, float("nan")], "it_is_not_nan: n_nan is 1, wanted = 0"),
        ([1.0], "it_has_rows: n_rows is 1, wanted >= 2"),
        ([], "it_has_rows: n_rows is 0"),
        (pl.DataFrame({"x": [1, 2]}), "x is Int64, not Float64"),
        (pl.DataFrame({"y": [1.0, 2.0]}), "x is missing, y is not declared"),
    ],
)
def test_each_way_to_be_bad_is_refused_with_its_reason(
    warehouse: Warehouse,
    partition: Partition,
    values: Any,
    reason: str,
) -> None:
    frame = values if isinstance(values, pl.DataFrame) else pl.DataFrame({"x": values}, schema={"x": pl.Float64})

    outcome = execute(source(frame), partition, warehouse, run_id="run")

    assert reason in (outcome.refusal or "")
    assert warehouse.lake.find("table", partition) is None


def test_an_error_while_measuring_refuses(warehouse: Warehouse, partition: Partition) -> None:
    outcome = execute(source(gate=toy_gate(lambda _: 1 / 0)), partition, warehouse, run_id="run")  # type: ignore[arg-type,return-value]  # the error is the point

    assert "ZeroDivisionError" in (outcome.refusal or "")
    assert warehouse.lake.find("table", partition) is None


def test_a_gate_that_takes_too_long_refuses(warehouse: Warehouse, partition: Partition) -> None:
    gate = warehouse.settings.gate.model_copy(update={"timeout_s": 0.05})
    hasty = Warehouse(warehouse.settings.model_copy(update={"gate": gate}), warehouse.lake, warehouse.registry)

    outcome = execute(source(gate=toy_gate(lambda _: time.sleep(1) or {})), partition, hasty, run_id="run")

    assert "no verdict within 0.05 s" in (outcome.refusal or "")
    assert warehouse.lake.find("table", partition) is None


def test_every_judgement_is_recorded_with_its_number(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    outcome = execute(source(), partition, warehouse, run_id="run")

    numbers = {j.rule: (j.passed, j.value) for j in outcome.verdicts["table"].judgements}
    assert {"columns_are_as_declared": (True, 0), "it_has_rows": (True, 2), "it_is_not_nan": (True, 0)} == numbers


def test_a_refusal_says_what_its_measure_means_and_no_less_where_that_cannot_be_said(
    warehouse: Warehouse, partition: Partition
) -> None:
    def unknown(_: Audit) -> dict[str, str]:
        raise KeyError("no cause")

    record_day(warehouse, partition)
    reasons = [
        execute(source([1.0], gate=replace(toy_gate(), causes=causes)), partition, warehouse, run_id="run").refusal
        for causes in (lambda _: {"n_rows": "half is missing", "n_nan": "never said"}, unknown)
    ]

    plain = "table: it_has_rows: n_rows is 1, wanted >= 2"
    assert [f"{plain}: half is missing", plain] == reasons
