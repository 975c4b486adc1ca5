import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from refused_files import NAN, execute_table, refuse_table
from sqlalchemy.orm import Session
from toy_steps import doubled, record_day, source

from trading_assets.errors import CorruptObject, NotKept
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.upkeep.quarantine import accept
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.records import Version
from trading_assets.storage.upkeep.audit import TIDY, trail
from trading_assets.storage.upkeep.quarantine import Quarantine, State
from trading_assets.storage.upkeep.references import needed
from trading_assets.storage.upkeep.retention import (
    Removable,
    objects,
    removable_objects,
    removable_refusals,
    remove_objects,
    remove_refusals,
)

LATER = timedelta(days=1)
ALTERNATING = Path(__file__).with_name("alternating.py")


def later() -> datetime:
    """A moment by which everything that was done so far is a day old."""
    return datetime.now(UTC) + LATER


def publish(warehouse: Warehouse, partition: Partition, values: list[float]) -> Version:
    return execute_table(warehouse, partition, values).versions["table"]


def named(found: list[Removable]) -> set[str]:
    return {each.name for each in found}


def kept(warehouse: Warehouse) -> set[str]:
    return {md5 for md5, _ in objects(warehouse.lake)}


def tidy(warehouse: Warehouse, before: datetime) -> set[str]:
    chosen = removable_objects(warehouse.lake, before)
    return named(remove_objects(warehouse.lake, chosen, before, actor="ann"))


def test_a_superseded_object_goes_once_it_is_old_and_what_stands_stays(
    warehouse: Warehouse, partition: Partition
) -> None:
    old, new = publish(warehouse, partition, [1.0, 2.0]), publish(warehouse, partition, [3.0, 4.0])

    assert set() == tidy(warehouse, datetime.now(UTC) - LATER)
    assert {old.md5} == tidy(warehouse, later())
    assert {new.md5} == kept(warehouse)


def test_what_a_standing_version_was_made_from_is_kept_however_far_back(
    warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    origin = publish(warehouse, partition, [1.0, 2.0])
    made = execute(doubled(), partition, warehouse, run_id="b").versions["twice"]
    publish(warehouse, partition, [3.0, 4.0])

    assert set() == tidy(warehouse, later())
    assert {origin.md5, made.md5} <= kept(warehouse)

    execute(doubled(), partition, warehouse, run_id="c")

    assert {origin.md5, made.md5} == tidy(warehouse, later())


def test_the_origin_of_an_origin_is_needed_too(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    with Session(warehouse.lake.engine) as session:
        before = needed(session)
    first = publish(warehouse, partition, [1.0, 2.0])
    execute(doubled(), partition, warehouse, run_id="b")
    publish(warehouse, partition, [5.0, 6.0])

    with Session(warehouse.lake.engine) as session:
        assert first.md5 in needed(session)
        assert before < needed(session)


def test_bytes_that_stand_elsewhere_are_kept(warehouse: Warehouse, partition: Partition) -> None:
    other = partition.on(partition.day + LATER)
    shared = publish(warehouse, partition, [1.0, 2.0])
    publish(warehouse, other, [1.0, 2.0])
    publish(warehouse, partition, [3.0, 4.0])

    assert set() == tidy(warehouse, later())
    assert shared.md5 in kept(warehouse)


def test_nothing_that_a_running_step_may_have_read_goes(warehouse: Warehouse, partition: Partition) -> None:
    old = publish(warehouse, partition, [1.0, 2.0])
    with warehouse.lake.ticket("slow", partition, run_id="running"):
        publish(warehouse, partition, [3.0, 4.0])
        assert set() == tidy(warehouse, later())

    assert {old.md5} == tidy(warehouse, later())


def test_an_object_that_a_crash_left_goes_once_it_is_old(warehouse: Warehouse, partition: Partition) -> None:
    publish(warehouse, partition, [1.0, 2.0])
    orphan = warehouse.lake.store.object_path("ab" * 16)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"kept, then killed")
    (orphan.parent / "not-an-object.dir").write_bytes(b"of DVC")

    assert set() == tidy(warehouse, datetime.now(UTC) - LATER)
    assert {"ab" * 16} == tidy(warehouse, later())
    assert (orphan.parent / "not-an-object.dir").exists()


def test_reading_what_was_removed_says_so_and_reading_what_is_lost_does_not(
    warehouse: Warehouse, partition: Partition
) -> None:
    old, new = publish(warehouse, partition, [1.0, 2.0]), publish(warehouse, partition, [3.0, 4.0])
    tidy(warehouse, later())

    with pytest.raises(NotKept, match=r"table of 2024-08-08\|BTCUSDT.BINANCE: version .* removed on"):
        warehouse.lake.open(old)

    warehouse.lake.store.object_path(new.md5).unlink()
    with pytest.raises(CorruptObject, match="is missing"):
        warehouse.lake.open(new)


def test_each_removed_object_is_an_act(warehouse: Warehouse, partition: Partition) -> None:
    old = publish(warehouse, partition, [1.0, 2.0])
    publish(warehouse, partition, [3.0, 4.0])
    tidy(warehouse, later())

    (act,) = trail(warehouse.lake.engine, limit=9)
    assert ("ann", TIDY, f"object {old.md5}") == (act.actor, act.act, act.subject)
    assert act.reason.startswith(f"table {partition}, superseded ")


def test_what_was_published_again_after_the_first_look_is_kept(warehouse: Warehouse, partition: Partition) -> None:
    old = publish(warehouse, partition, [1.0, 2.0])
    publish(warehouse, partition, [3.0, 4.0])
    chosen = removable_objects(warehouse.lake, later())
    publish(warehouse, partition, [1.0, 2.0])

    assert {old.md5} == named(chosen)
    assert [] == remove_objects(warehouse.lake, chosen, later(), actor="ann")
    warehouse.lake.open(warehouse.lake.resolve("table", partition))


def test_an_object_that_comes_back_is_read_whatever_the_trail_says(warehouse: Warehouse, partition: Partition) -> None:
    publish(warehouse, partition, [1.0, 2.0])
    publish(warehouse, partition, [3.0, 4.0])
    tidy(warehouse, later())

    again = publish(warehouse, partition, [1.0, 2.0])

    warehouse.lake.open(again)
    warehouse.lake.store.object_path(again.md5).unlink()
    with pytest.raises(CorruptObject, match="is missing"):
        warehouse.lake.open(again)


def test_an_old_refusal_loses_its_files_and_keeps_its_facts(warehouse: Warehouse, partition: Partition) -> None:
    refuse_table(warehouse, partition)
    quarantine = Quarantine(warehouse.lake)
    assert [] == removable_refusals(warehouse.lake, datetime.now(UTC) - LATER)

    chosen = removable_refusals(warehouse.lake, later())
    remove_refusals(warehouse.lake, chosen, actor="ann")

    (found,) = quarantine.find()
    assert (State.DROPPED, False) == (found.state, found.path.exists())
    assert chosen[0].n_bytes > 0
    assert [TIDY] == [act.act for act in trail(warehouse.lake.engine, limit=9)]
    assert [] == removable_refusals(warehouse.lake, later())


def test_an_accepted_refusal_loses_its_report_and_stays_published(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition, [1.0, NAN])
    accept(ticket, [source()], warehouse, actor="ann", reason="the venue confirms it")

    remove_refusals(warehouse.lake, removable_refusals(warehouse.lake, later()), actor="ann")

    (found,) = Quarantine(warehouse.lake).find()
    assert (State.ACCEPTED, False) == (found.state, found.report.exists())
    warehouse.lake.open(warehouse.lake.resolve("table", partition))


def test_publishing_and_tidying_at_once_never_loses_what_stands(warehouse: Warehouse, partition: Partition) -> None:
    other = partition.on(partition.day + LATER)
    racers = [
        subprocess.Popen([sys.executable, ALTERNATING, warehouse.settings.root, str(each), "15"])
        for each in (partition, other)
    ]
    n_removed = 0
    while any(racer.poll() is None for racer in racers):
        n_removed += len(tidy(warehouse, later()))

    assert [0, 0] == [racer.returncode for racer in racers]
    assert n_removed > 0
    for each in (partition, other):
        warehouse.lake.open(warehouse.lake.resolve("table", each))


def test_collection_waits_for_a_publication_that_has_its_object_and_no_pointer_yet(
    warehouse: Warehouse, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(warehouse, partition, [1.0, 1.0])
    publish(warehouse, partition, [2.0, 2.0])
    is_between, may_commit = Event(), Event()
    passed: list[Effect] = []

    def passing(effect: Effect) -> None:
        passed.append(effect)
        if effect is Effect.TRANSACTION_BEGUN and Effect.OBJECT_NAMED in passed and not is_between.is_set():
            is_between.set()
            assert may_commit.wait(60)

    monkeypatch.setattr(effects, "passing", passing)
    with ThreadPoolExecutor(2) as both:
        again = both.submit(publish, warehouse, partition, [1.0, 1.0])
        assert is_between.wait(60)
        removing = both.submit(tidy, warehouse, later())
        with pytest.raises(TimeoutError):
            removing.result(0.5)
        may_commit.set()

    assert first.md5 == again.result().md5
    assert first.md5 not in removing.result()
    warehouse.lake.open(warehouse.lake.resolve("table", partition))
