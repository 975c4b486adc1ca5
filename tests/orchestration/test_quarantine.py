from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from refused_files import NAN, execute_table, refuse_table
from toy_steps import source, toy_gate

from trading_assets.errors import NotInQuarantine
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.upkeep.audit import operating_user, trail
from trading_assets.storage.upkeep.quarantine import Quarantine, State


@pytest.fixture
def quarantine(warehouse: Warehouse) -> Quarantine:
    return Quarantine(warehouse.lake)


def test_a_refused_file_is_found_beside_what_stands(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    md5 = execute_table(warehouse, partition, [1.0, 2.0]).versions["table"].md5
    refuse_table(warehouse, partition, [1.0, NAN, 3.0])

    (found,) = quarantine.find()

    assert (found.asset, found.partition, found.state, found.n_rows) == ("table", partition, State.WAITING, 3)
    assert found.standing is not None
    assert (found.standing.md5, found.standing.n_rows) == (md5, 2)
    assert found.path.is_file()
    assert found.report.is_file()


def test_filters_choose_by_asset_instrument_and_day(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    refuse_table(warehouse, partition)
    other = partition.on(date(2024, 8, 9))
    refuse_table(warehouse, other)
    elsewhere = Partition.parse("2024-08-08|ETHUSDT.BINANCE")
    refuse_table(warehouse, elsewhere)

    assert [partition, other, elsewhere] == [each.partition for each in quarantine.find()]
    assert [elsewhere] == [each.partition for each in quarantine.find(instruments=[elsewhere.instrument])]
    assert [other] == [each.partition for each in quarantine.find(days=(other.day, other.day))]
    assert [] == quarantine.find(assets=["chair"])


def test_a_refusal_is_overtaken_once_its_partition_was_judged_again(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    refuse_table(warehouse, partition)
    refuse_table(warehouse, partition)
    assert [State.OVERTAKEN, State.WAITING] == [each.state for each in quarantine.find()]

    execute_table(warehouse, partition, [1.0, 2.0])

    assert [State.OVERTAKEN, State.OVERTAKEN] == [each.state for each in quarantine.find()]


def test_judgements_name_the_failed_rules_first(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    refuse_table(warehouse, partition, [NAN, NAN])

    judged = quarantine.judgements(quarantine.newest("table", partition))

    assert [("it_is_not_nan", 2.0, False)] == [(j.rule, j.value, j.passed) for j in judged[:1]]
    assert all(j.passed for j in judged[1:])


def test_dropping_removes_the_bytes_and_keeps_the_fact(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    refuse_table(warehouse, partition)
    (found,) = quarantine.find()

    quarantine.drop(found.ticket_id, actor="ann", reason="no use for it")

    assert [State.DROPPED] == [each.state for each in quarantine.find()]
    assert [] == [path for path in _files(warehouse) if path.is_file()]
    (act,) = trail(warehouse.lake.engine, limit=10)
    assert ("ann", "drop", f"table {partition} {found.ticket_id}", "no use for it") == (
        act.actor,
        act.act,
        act.subject,
        act.reason,
    )


def test_dropping_again_removes_what_a_crash_left_and_is_one_act(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    refuse_table(warehouse, partition)
    (found,) = quarantine.find()
    quarantine.drop(found.ticket_id, actor="ann", reason="")
    found.path.write_bytes(b"as if the process had died before it removed the file")

    quarantine.drop(found.ticket_id, actor="ann", reason="")

    assert not found.path.exists()
    assert len(trail(warehouse.lake.engine, limit=10)) == 1


def test_what_was_never_refused_is_not_found(quarantine: Quarantine, partition: Partition) -> None:
    with pytest.raises(NotInQuarantine, match="ticket 7"):
        quarantine.of_ticket(7)
    with pytest.raises(NotInQuarantine, match="no table of 2024-08-08"):
        quarantine.newest("table", partition)


def test_a_dropped_refusal_is_still_the_state_of_its_partition(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    refuse_table(warehouse, partition)
    quarantine.drop(quarantine.find()[0].ticket_id, actor="ann", reason="")

    assert ("table", partition.day) in warehouse.registry.standing_refusals(["table"], partition.instrument)


def test_the_operating_user_is_named_by_the_system_and_not_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    before = operating_user()
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")

    assert before == operating_user()


def _files(warehouse: Warehouse) -> list[Path]:
    return list((warehouse.lake.store.root / "quarantine").rglob("*"))


def test_a_report_keeps_rows_that_break_a_rule_and_a_broken_report_none(
    quarantine: Quarantine, warehouse: Warehouse, partition: Partition
) -> None:
    gate = replace(toy_gate(), offenders=lambda audit: audit.staged.filter(pl.col("x").is_nan()).collect())
    execute(source([1.0, NAN], gate=gate), partition, warehouse, run_id="a")
    (found,) = quarantine.find()
    assert ["nan"] == [str(row["x"]) for row in quarantine.offenders(found)]

    found.report.write_text("not JSON")

    assert [] == quarantine.offenders(found)
