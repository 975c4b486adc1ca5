import contextlib
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from racers import pair
from refused_files import (
    NAN,
    execute_table,
    finite_twice,
    land_lines,
    refuse_table,
    refuse_twice,
    short_captures,
)
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from toy_steps import doubled, record_day, source

import trading_assets
from trading_assets.errors import NotAcceptable, NotInQuarantine
from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.plan import Standing, pending, standings
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.upkeep.quarantine import accept
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.catalog import QualityRow, QuarantineRow, TicketRow, VersionRow
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.upkeep.audit import trail
from trading_assets.storage.upkeep.quarantine import Quarantine, State

REASON = "the venue confirmed the outage"
STEPS = [short_captures(), source(), doubled()]


def accept_ticket(warehouse: Warehouse, ticket: int, *, steps: list[Step] | None = None, reason: str = REASON) -> None:
    accept(ticket, steps or STEPS, warehouse, actor="ann", reason=reason)


def standing_of(warehouse: Warehouse, partition: Partition) -> Standing:
    found = standings(STEPS, partition.instrument, [partition.day], warehouse)
    return next(each for each in found if each.asset == "table")


def test_an_accepted_file_is_what_readers_get(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition, [1.0, NAN])
    md5 = Quarantine(warehouse.lake).newest("table", partition).md5

    accept_ticket(warehouse, ticket)

    version = warehouse.lake.resolve("table", partition)
    assert (version.md5, version.n_rows, version.inputs) == (md5, 2, ())
    opened = warehouse.lake.open(version)
    assert isinstance(opened, pl.LazyFrame)
    assert [1.0, None] == opened.collect()["x"].fill_nan(None).to_list()


def test_accepting_leaves_the_judgements_and_says_who_and_why(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition)
    accept_ticket(warehouse, ticket, reason=f"  {REASON} ")

    (act,) = trail(warehouse.lake.engine, limit=9)
    assert ("ann", "accept", f"table {partition} {ticket}", REASON) == (act.actor, act.act, act.subject, act.reason)
    with Session(warehouse.lake.engine) as session:
        assert not all(session.scalars(select(QualityRow.passed).where(QualityRow.ticket_id == ticket)))
        assert [None] == list(session.scalars(select(VersionRow.reported_at)))
        assert "accepted" == session.scalar(select(TicketRow.outcome).where(TicketRow.id == ticket))


def test_status_says_published_and_whose_word_it_is_and_nothing_is_pending(
    warehouse: Warehouse, partition: Partition
) -> None:
    record_day(warehouse, partition)
    ticket = refuse_table(warehouse, partition)
    assert "quarantined" == standing_of(warehouse, partition).state

    accept_ticket(warehouse, ticket)

    found = standing_of(warehouse, partition)
    assert ("published", f"accepted by ann: {REASON}") == (found.state, found.why)
    assert "table" not in pending(STEPS, partition, warehouse)


def test_downstream_reads_what_was_accepted(warehouse: Warehouse, partition: Partition) -> None:
    record_day(warehouse, partition)
    accept_ticket(warehouse, refuse_table(warehouse, partition, [1.0, NAN, 2.0]))

    outcome = execute(doubled(), partition, warehouse, run_id="b")

    assert outcome.refusal is not None  # the next gate judges for itself
    assert "it_is_not_nan" in outcome.refusal


def test_the_outputs_of_a_step_are_accepted_together(warehouse: Warehouse, partition: Partition) -> None:
    step = pair(NAN)
    execute(step, partition, warehouse, run_id="a")
    ticket = Quarantine(warehouse.lake).newest("books", partition).ticket_id

    versions = accept(ticket, [step], warehouse, actor="ann", reason=REASON)

    assert {"books", "trades"} == set(versions)
    assert {State.ACCEPTED} == {each.state for each in Quarantine(warehouse.lake).find()}
    assert 2 == len(trail(warehouse.lake.engine, limit=9))


@pytest.mark.parametrize("reason", ["", "   ", "ok", "fine   ", "x" * 1025])
def test_a_reason_has_to_say_something(warehouse: Warehouse, partition: Partition, reason: str) -> None:
    ticket = refuse_table(warehouse, partition)

    with pytest.raises(NotAcceptable, match="10 to 1024 characters"):
        accept_ticket(warehouse, ticket, reason=reason)

    assert warehouse.lake.find("table", partition) is None


def test_what_was_overtaken_by_a_publication_cannot_be_accepted(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition)
    md5 = execute_table(warehouse, partition, [1.0, 2.0]).versions["table"].md5

    with pytest.raises(NotAcceptable, match=r"overtaken: .* with ticket 2, which was published"):
        accept_ticket(warehouse, ticket)

    assert md5 == warehouse.lake.resolve("table", partition).md5


def test_what_was_refused_again_since_cannot_be_accepted(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition)
    refuse_table(warehouse, partition, [NAN, NAN])

    with pytest.raises(NotAcceptable, match="which was refused"):
        accept_ticket(warehouse, ticket)


def test_an_attempt_under_way_keeps_an_older_one_from_being_accepted(
    warehouse: Warehouse, partition: Partition
) -> None:
    ticket = refuse_table(warehouse, partition)

    with (
        warehouse.lake.ticket("table", partition, run_id="running"),
        pytest.raises(NotAcceptable, match="has not ended"),
    ):
        accept_ticket(warehouse, ticket)


def test_an_attempt_that_failed_since_does_not_matter(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition)
    with pytest.raises(RuntimeError), warehouse.lake.ticket("table", partition, run_id="broken"):
        raise RuntimeError

    accept_ticket(warehouse, ticket)

    assert warehouse.lake.find("table", partition)


def test_what_was_made_from_an_input_that_no_longer_stands_cannot_be_accepted(
    warehouse: Warehouse, partition: Partition
) -> None:
    ticket = refuse_twice(warehouse, partition)
    execute_table(warehouse, partition, [1.0, 2.0])

    with pytest.raises(NotAcceptable, match="table changed; run twice of"):
        accept_ticket(warehouse, ticket, steps=[source(), finite_twice()])


def test_the_deciding_look_at_the_inputs_is_inside_the_transaction(
    warehouse: Warehouse, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = refuse_twice(warehouse, partition)
    monkeypatch.setattr(
        "trading_assets.orchestration.upkeep.quarantine._change_since",
        lambda *_: execute_table(warehouse, partition, [1.0, 2.0]) and None,
    )  # somebody publishes the input between the first look and the second

    with pytest.raises(NotAcceptable, match="made from a version of table of 2024-08-08 that no longer stands"):
        accept_ticket(warehouse, ticket, steps=[source(), finite_twice()])


def test_what_other_code_made_cannot_be_accepted(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition)

    with pytest.raises(NotAcceptable, match="code version 1 is now 2"):
        accept_ticket(warehouse, ticket, steps=[replace(source(), code_version="2")])
    with pytest.raises(NotAcceptable, match="which the graph no longer has"):
        accept_ticket(warehouse, ticket, steps=[doubled()])


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_file_cannot_be_accepted(warehouse: Warehouse, partition: Partition, damage: str) -> None:
    ticket = refuse_table(warehouse, partition)
    path = Quarantine(warehouse.lake).newest("table", partition).path
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage != "remove":
        content[9] ^= damage == "flip"
        path.write_bytes(content if damage == "flip" else content[:-1])

    with pytest.raises(NotAcceptable, match=r"is gone|damaged after it was refused"):
        accept_ticket(warehouse, ticket)

    assert warehouse.lake.find("table", partition) is None


def test_what_was_dropped_cannot_be_accepted_nor_what_was_accepted_dropped(
    warehouse: Warehouse, partition: Partition
) -> None:
    quarantine = Quarantine(warehouse.lake)
    ticket = refuse_table(warehouse, partition)
    quarantine.drop(ticket, actor="ann", reason="")
    with pytest.raises(NotAcceptable, match="was dropped"):
        accept_ticket(warehouse, ticket)

    again = refuse_table(warehouse, partition)
    accept_ticket(warehouse, again)
    with pytest.raises(NotInQuarantine, match="was accepted"):
        quarantine.drop(again, actor="ann", reason="")


def test_what_older_code_refused_cannot_be_accepted(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition)
    with Session(warehouse.lake.engine) as session, session.begin():
        session.execute(update(QuarantineRow).values(inputs=None))

    with pytest.raises(NotAcceptable, match="kept no origin"):
        accept_ticket(warehouse, ticket)


def test_accepted_captures_take_the_lines_that_landed_with_them(warehouse: Warehouse, partition: Partition) -> None:
    landed = land_lines(warehouse, partition, b"far too long")
    execute(short_captures(), partition, warehouse, run_id="a")

    accept_ticket(warehouse, Quarantine(warehouse.lake).newest("captures", partition).ticket_id)

    assert not landed.exists()
    assert {} == pending([short_captures()], partition, warehouse)


def test_captures_are_not_accepted_once_other_lines_have_landed(warehouse: Warehouse, partition: Partition) -> None:
    land_lines(warehouse, partition, b"far too long")
    execute(short_captures(), partition, warehouse, run_id="a")
    landed = land_lines(warehouse, partition, b"more")

    with pytest.raises(NotAcceptable, match="other lines were imported"):
        accept_ticket(warehouse, Quarantine(warehouse.lake).newest("captures", partition).ticket_id)

    assert landed.exists()


def test_accepting_again_finishes_what_a_crash_left_and_is_one_act(warehouse: Warehouse, partition: Partition) -> None:
    ticket = refuse_table(warehouse, partition)
    (refused,) = Quarantine(warehouse.lake).find()
    content = refused.path.read_bytes()
    accept_ticket(warehouse, ticket)
    refused.path.write_bytes(content)  # as if the process had died before it removed the file

    accept_ticket(warehouse, ticket)

    assert not refused.path.exists()
    assert refused.report.exists()
    assert 1 == len(trail(warehouse.lake.engine, limit=9))


def test_nothing_but_publication_and_acceptance_moves_a_pointer() -> None:
    package = Path(trading_assets.__file__).parent

    movers = {path.name for path in package.rglob("*.py") if "move_pointer(" in path.read_text()}

    assert {"rows.py", "lake.py", "acceptance.py"} == movers


@pytest.mark.parametrize("first", range(0, 40, 4))
def test_an_acceptance_that_ends_between_two_effects_is_old_or_new_and_can_be_given_again(
    warehouse: Warehouse, partition: Partition, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    step = pair(NAN)
    execute(step, partition, warehouse, run_id="a")
    ticket = Quarantine(warehouse.lake).newest("books", partition).ticket_id
    left = iter(range(first))

    def passing(_: Effect) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with monkeypatch.context() as broken, contextlib.suppress(KeyboardInterrupt):
        broken.setattr("trading_assets.storage.durability.effects.passing", passing)
        accept(ticket, [step], warehouse, actor="ann", reason=REASON)

    found = warehouse.lake.find_all(["books", "trades"], [partition])
    assert len(found) in {0, 2}
    assert 2 == len(accept(ticket, [step], warehouse, actor="ann", reason=REASON))
    assert 2 == len(trail(warehouse.lake.engine, limit=9))
    assert [] == list((warehouse.lake.store.root / "quarantine").rglob("*.parquet"))
