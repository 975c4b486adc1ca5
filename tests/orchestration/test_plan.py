from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from toy_steps import doubled, record_day, source, toy_gate

from trading_assets.identifiers import Partition
from trading_assets.orchestration.days import Days
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.gate import Gate, Rule
from trading_assets.orchestration.market_plan import State
from trading_assets.orchestration.plan import is_expected, pending, recorded_days, standings
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.formats import CAPTURE
from trading_assets.storage.registry import TickRules

NAN = float("nan")


@published(Output(toy_gate()))
def rounded(tick_rules: TickRules) -> pl.DataFrame:
    """Two prices on the venue's grid."""
    tick = float(tick_rules.tick_size or 1)
    return pl.DataFrame({"x": [tick, 2 * tick]})


@published(Output(toy_gate()), windows=lambda _: {"table": Days(-2, -1)})
def of_earlier_days(table: dict[Any, pl.LazyFrame]) -> pl.LazyFrame:
    """The table of the two days before, if recorded."""
    return pl.concat(table.values())


@published(Output(toy_gate()), windows=lambda _: {"of_earlier_days": Days(-1, -1)})
def of_yesterday(of_earlier_days: pl.LazyFrame) -> pl.LazyFrame:
    """What was made yesterday of the days before it."""
    return of_earlier_days


@published(Output(Gate(lambda _: {"n": 1}, lambda _: (Rule("it_is", "n", minimum=1),)), suffix=CAPTURE))
def captures(landed: list[Path]) -> Callable[[Path], Any]:
    """The landed files, one after the other."""
    return lambda path: path.write_bytes(b"".join(file.read_bytes() for file in landed))


def make(steps: list[Step], partition: Partition, warehouse: Warehouse) -> None:
    for step in steps:
        execute(step, partition, warehouse, run_id="run")


def later(partition: Partition, days: int) -> Partition:
    return partition.on(partition.day + timedelta(days=days))


def land(warehouse: Warehouse, folder: str, content: bytes = b"a line\n") -> None:
    path = warehouse.landing() / folder / f"file.{CAPTURE}"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def states(steps: list[Step], partition: Partition, warehouse: Warehouse) -> dict[str, tuple[State, str]]:
    return {s.asset: (s.state, s.why) for s in standings(steps, partition.instrument, [partition.day], warehouse)}


def test_a_recorded_day_misses_everything_until_it_is_made(warehouse: Warehouse, partition: Partition) -> None:
    steps = [source(), doubled()]
    record_day(warehouse, partition)

    assert {"table": "missing", "twice": "missing"} == pending(steps, partition, warehouse)
    assert {State.MISSING} == {state for state, _ in states(steps, partition, warehouse).values()}


def test_nothing_is_pending_when_everything_is_published(warehouse: Warehouse, partition: Partition) -> None:
    steps = [source(), doubled()]
    record_day(warehouse, partition)
    make(steps, partition, warehouse)
    found = standings(steps, partition.instrument, None, warehouse)

    assert {} == pending(steps, partition, warehouse)
    assert [("table", State.PUBLISHED, ""), ("twice", State.PUBLISHED, "")] == [
        (s.asset, s.state, s.why) for s in found
    ]
    assert [warehouse.lake.find(s.asset, partition) for s in found] == [s.version for s in found]


def test_a_new_code_version_makes_a_step_and_what_is_downstream_pending(
    warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    make([source(), doubled()], partition, warehouse)
    steps = [replace(source(), code_version="2"), doubled()]

    why = "code version 1 is now 2"
    assert {"table": why, "twice": "table will be made anew"} == pending(steps, partition, warehouse)
    assert {"table": (State.STALE, why), "twice": (State.PUBLISHED, "")} == states(steps, partition, warehouse)


@pytest.mark.parametrize(("section", "expected"), [("features", {"table": "settings changed"}), ("labels", {})])
def test_only_a_section_that_a_step_reads_makes_it_stale(
    warehouse: Warehouse, partition: Partition, section: str, expected: dict[str, str]
) -> None:
    step = replace(source(), reads=("features",))
    record_day(warehouse, partition)
    make([step], partition, warehouse)
    values = {"features": {"grid_s": 0.5}, "labels": {"flat_bps": 0.5}}[section]
    settings = with_values(warehouse.settings, section, values)

    assert expected == pending([step], partition, replace(warehouse, settings=settings))


def with_values(settings: Settings, section: str, values: dict[str, Any]) -> Settings:
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=values)})


def test_another_upstream_version_makes_a_step_stale(warehouse: Warehouse, partition: Partition) -> None:
    steps = [source(), doubled()]
    record_day(warehouse, partition)
    make(steps, partition, warehouse)
    execute(source([5.0, 6.0]), partition, warehouse, run_id="anew")

    assert {"twice": "table changed"} == pending(steps, partition, warehouse)
    assert (State.STALE, "table changed") == states(steps, partition, warehouse)["twice"]


def test_an_upstream_made_anew_to_the_same_bytes_makes_nothing_stale(
    warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    make([source(), doubled()], partition, warehouse)
    steps = [replace(source(), code_version="2"), doubled()]
    execute(steps[0], partition, warehouse, run_id="anew")

    assert {} == pending(steps, partition, warehouse)


def test_other_tick_rules_make_a_step_that_asks_for_them_stale(warehouse: Warehouse, partition: Partition) -> None:
    steps = [source(), rounded]
    record_day(warehouse, partition)
    make(steps, partition, warehouse)
    warehouse.registry.register(partition.instrument, TickRules(tick_size=Decimal("0.5")))

    assert {"rounded": "settings changed"} == pending(steps, partition, warehouse)


def test_landed_lines_make_a_capture_pending_until_they_are_published(
    warehouse: Warehouse, partition: Partition
) -> None:
    folder = f"{partition.day}/{partition.instrument}"
    land(warehouse, folder)
    assert {"captures": "new lines were imported"} == pending([captures], partition, warehouse)

    make([captures], partition, warehouse)
    assert {} == pending([captures], partition, warehouse)

    warehouse.landing(partition).joinpath(f"more.{CAPTURE}").write_bytes(b"another line\n")
    why = "new lines were imported"
    assert {"captures": (State.STALE, why)} == states([captures], partition, warehouse)


def test_a_refused_update_is_quarantined_and_says_that_the_version_before_it_stands(
    warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    before = execute(source(), partition, warehouse, run_id="good").versions["table"]
    execute(source([NAN, NAN]), partition, warehouse, run_id="bad")
    (found,) = standings([source()], partition.instrument, [partition.day], warehouse)

    assert (State.QUARANTINED, before) == (found.state, found.version)
    assert found.why.startswith("table: it_is_not_nan")
    assert found.why.endswith("(the version before it stands)")


def test_a_refused_first_version_is_quarantined_and_says_that_nothing_stands(
    warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    execute(source([NAN, NAN]), partition, warehouse, run_id="bad")
    (found,) = standings([source()], partition.instrument, [partition.day], warehouse)

    assert (State.QUARANTINED, None) == (found.state, found.version)
    assert found.why.endswith("(nothing stands)")
    assert {"table": "missing"} == pending([source()], partition, warehouse)


def test_a_good_version_after_a_refused_one_ends_the_quarantine(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    execute(source([NAN, NAN]), partition, warehouse, run_id="bad")
    execute(source(), partition, warehouse, run_id="good")

    assert {"table": (State.PUBLISHED, "")} == states([source()], partition, warehouse)


def test_a_step_over_earlier_days_is_not_expected_where_there_are_none(
    warehouse: Warehouse, partition: Partition
) -> None:
    steps = [source(), of_earlier_days]
    record_day(warehouse, partition)

    assert not is_expected(of_earlier_days, partition, warehouse, steps)
    assert (State.NOT_EXPECTED, "") == states(steps, partition, warehouse)["of_earlier_days"]
    assert {"table": "missing"} == pending(steps, partition, warehouse)


def test_what_reads_an_asset_that_is_not_expected_is_not_expected_either(
    warehouse: Warehouse, partition: Partition
) -> None:
    steps = [source(), of_earlier_days, of_yesterday]
    days = [later(partition, n) for n in range(3)]
    for day in days:
        record_day(warehouse, day)

    assert [False, True, True] == [is_expected(of_earlier_days, day, warehouse, steps) for day in days]
    assert [False, False, True] == [is_expected(of_yesterday, day, warehouse, steps) for day in days]


def test_nothing_is_expected_of_a_day_that_was_never_recorded(warehouse: Warehouse, partition: Partition) -> None:
    assert {} == pending([source(), doubled()], partition, warehouse)
    assert {"table": (State.NOT_EXPECTED, "")} == states([source()], partition, warehouse)


def test_a_day_that_is_recorded_later_makes_the_window_it_lies_in_stale(
    warehouse: Warehouse, partition: Partition
) -> None:
    steps = [source(), of_earlier_days]
    second, third = later(partition, 1), later(partition, 2)
    for day in (second, third):
        record_day(warehouse, day)
        make([source()], day, warehouse)
    make([of_earlier_days], third, warehouse)
    assert {} == pending(steps, third, warehouse)

    record_day(warehouse, partition)
    assert "table of 2024-08-08|BTCUSDT.BINANCE is not published" in pending(steps, third, warehouse)["of_earlier_days"]

    make([source()], partition, warehouse)
    assert {"of_earlier_days": "table changed"} == pending(steps, third, warehouse)


def test_recorded_days_are_those_published_and_those_landed(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, later(partition, 1))
    land(warehouse, f"{partition.day}/{partition.instrument}")
    land(warehouse, f"{partition.day}/ETHUSDT.BINANCE")

    assert [partition.day, later(partition, 1).day] == recorded_days(partition.instrument, warehouse)


def test_folders_of_other_names_among_the_landed_lines_are_passed_over(
    warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    for folder in (f"notaday/{partition.instrument}", f"2024-02-30/{partition.instrument}", "2024-08-09/not an id"):
        land(warehouse, folder)

    assert [partition.day] == recorded_days(partition.instrument, warehouse)
    assert {"table": "missing"} == pending([source()], partition, warehouse)
