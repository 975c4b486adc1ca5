from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from toy_steps import doubled, record_day, toy_gate

from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.automation.nightly import Night, Wave, night_of, wave
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.step import Output, Step, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.sections import BackfillSettings

MARKET = Instrument("BTCUSDT", "BINANCE")
TODAY = date(2024, 8, 20)
NIGHT = datetime(2024, 8, 20, 2, 0, tzinfo=UTC)


def captures() -> Step:
    @published(Output(toy_gate()))
    def captures() -> None:
        """What was recorded."""

    return captures


def table(bad: Sequence[date] = (), values: Callable[[], Any] = lambda: (1.0, 2.0)) -> Step:
    @published(Output(toy_gate()))
    def table(partition: Partition) -> pl.DataFrame:
        """A table whose gate refuses the bad days."""
        return pl.DataFrame({"x": [float("nan"), 1.0] if partition.day in bad else list(values())})

    return table


def recorded(warehouse: Warehouse, *days_ago: int) -> list[Partition]:
    partitions = [Partition(TODAY - timedelta(days=ago), MARKET) for ago in sorted(days_ago, reverse=True)]
    for partition in partitions:
        record_day(warehouse, partition)
    warehouse.registry.register(MARKET, warehouse.registry.tick_rules(MARKET))
    return partitions


def asked(now: Wave) -> list[tuple[str, int, int]]:
    """Steps with the first and last day of each run, in days before tonight."""
    return [(w.step.name, (TODAY - w.first.day).days, (TODAY - w.last.day).days) for w in now.wanted]


def carry_out(now: Wave, warehouse: Warehouse, night: datetime = NIGHT) -> None:
    """Do what a night asked for, as its runs would."""
    for wanted in now.wanted:
        day = wanted.first.day
        while day <= wanted.last.day:
            execute(wanted.step, Partition(day, MARKET), warehouse, run_id="night", requested_by=Night(night).name)
            day += timedelta(days=1)


def test_a_night_asks_for_the_last_days_in_stretches_and_wave_by_wave(warehouse: Warehouse) -> None:
    recorded(warehouse, 1, 2, 4, 7, 8)
    steps = [captures(), table(), doubled()]

    first = wave(steps[1:], warehouse, Night(NIGHT))
    carry_out(first, warehouse)
    second = wave(steps[1:], warehouse, Night(NIGHT))
    carry_out(second, warehouse)

    assert [("table", 7, 7), ("table", 4, 4), ("table", 2, 1)] == asked(first)
    assert [("twice", 7, 7), ("twice", 4, 4), ("twice", 2, 1)] == asked(second)
    assert ((), ()) == (wave(steps[1:], warehouse, Night(NIGHT)).wanted, second.given_up)


def test_what_is_being_run_and_what_reads_it_is_waited_for(warehouse: Warehouse) -> None:
    recorded(warehouse, 1, 2)

    assert () == wave([table(), doubled()], warehouse, Night(NIGHT, frozenset({"table"}))).wanted


def test_a_partition_that_always_fails_is_tried_once_a_night_and_left_alone_after_the_last_attempt(
    warehouse: Warehouse,
) -> None:
    bad, _ = recorded(warehouse, 2, 1)
    steps = [table(bad=[bad.day]), doubled()]
    n_attempts = 0
    for n in range(5):
        for _ in range(4):  # the sensor looks again and again
            night = NIGHT + timedelta(days=n)
            now = wave(steps, warehouse, Night(night))
            n_attempts += sum(w.first == bad and w.step.name == "table" for w in now.wanted)
            carry_out(now, warehouse, night)

    assert warehouse.settings.backfill.max_attempts == n_attempts
    assert [("table", bad)] == [(one.step.name, one.partition) for one in now.given_up]
    assert () == now.wanted


def test_what_was_given_up_is_tried_again_when_its_circumstances_change(warehouse: Warehouse) -> None:
    (bad,) = recorded(warehouse, 1)
    for n in range(4):
        night = NIGHT + timedelta(days=n)
        carry_out(wave([table(bad=[bad.day])], warehouse, Night(night)), warehouse, night)
    mended = replace(table(), code_version="2")

    assert [("table", 1, 1)] == asked(wave([mended], warehouse, Night(NIGHT + timedelta(days=4))))


def test_attempts_of_a_person_are_not_counted(warehouse: Warehouse) -> None:
    (bad,) = recorded(warehouse, 1)
    step = table(bad=[bad.day])
    for _ in range(5):
        execute(step, bad, warehouse, run_id="by hand")

    assert [("table", 1, 1)] == asked(wave([step], warehouse, Night(NIGHT)))


def test_an_attempt_that_was_killed_counts(warehouse: Warehouse) -> None:
    (partition,) = recorded(warehouse, 1)

    def interrupted() -> Any:
        raise KeyboardInterrupt

    step = table(values=interrupted)
    for n in range(4):
        night = Night(NIGHT + timedelta(days=n))
        for wanted in wave([step], warehouse, night).wanted:
            with pytest.raises(KeyboardInterrupt):
                execute(wanted.step, partition, warehouse, run_id="night", requested_by=night.name)

    assert [partition] == [one.partition for one in wave([step], warehouse, Night(NIGHT + timedelta(days=5))).given_up]


@pytest.mark.parametrize(
    ("at", "hours", "now", "began"),
    [
        ("02:00", 4.0, datetime(2024, 8, 20, 1, 59, tzinfo=UTC), None),
        ("02:00", 4.0, datetime(2024, 8, 20, 2, 0, tzinfo=UTC), datetime(2024, 8, 20, 2, 0, tzinfo=UTC)),
        ("02:00", 4.0, datetime(2024, 8, 20, 6, 0, tzinfo=UTC), None),
        ("23:00", 4.0, datetime(2024, 8, 20, 1, 0, tzinfo=UTC), datetime(2024, 8, 19, 23, 0, tzinfo=UTC)),
        ("00:00", 24.0, datetime(2024, 8, 20, 23, 59, tzinfo=UTC), datetime(2024, 8, 20, 0, 0, tzinfo=UTC)),
    ],
)
def test_a_night_is_known_by_its_beginning(at: str, hours: float, now: datetime, began: datetime | None) -> None:
    assert began == night_of(now, BackfillSettings(nightly_at=at, nightly_hours=hours))
