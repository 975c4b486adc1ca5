from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import naive_plan
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from toy_steps import toy_gate

from trading_assets.identifiers import Partition
from trading_assets.look import Look
from trading_assets.orchestration.days import Days
from trading_assets.orchestration.outline import of_steps
from trading_assets.orchestration.plan import pending, plan_of, standings
from trading_assets.orchestration.step import Output, published
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.catalog import (
    Base,
    PointerRow,
    QuarantineRow,
    TicketRow,
    VersionInputRow,
    VersionRow,
)
from trading_assets.storage.formats import CAPTURE
from trading_assets.storage.records import Draft, Judgement, Origin, Ticket
from trading_assets.storage.registry import TickRules
from trading_assets.storage.rows import move_pointer, record_judgements
from trading_assets.storage.store import StagedFile

FIRST = date(2024, 8, 8)
WINDOWS: dict[str, Mapping[str, Days]] = {
    "two_days": {"table": Days(-1, 0)},
    "earlier": {"two_days": Days(-2, -1, min_coverage=0.5), "table": Days(-2, -1)},
}


@published(Output(toy_gate(), suffix=CAPTURE))
def captures(landed: list[Path]) -> Callable[[Path], Any]:
    """Lines."""
    raise NotImplementedError


@published({"table": Output(toy_gate()), "twin": Output(toy_gate())}, reads=("book",))
def tables(captures: Path, tick_rules: TickRules) -> pl.DataFrame:
    """Two tables of a day."""
    raise NotImplementedError


@published(Output(toy_gate()), windows=lambda _: WINDOWS["two_days"])
def two_days(table: pl.LazyFrame) -> pl.DataFrame:
    """Of today and yesterday."""
    raise NotImplementedError


@published(Output(toy_gate()), windows=lambda _: WINDOWS["earlier"])
def earlier(two_days: pl.LazyFrame, table: pl.LazyFrame) -> pl.DataFrame:
    """Of the days before."""
    raise NotImplementedError


@published(Output(toy_gate()))
def last(earlier: pl.LazyFrame, twin: pl.LazyFrame) -> pl.DataFrame:
    """Of what was made of the days before."""
    raise NotImplementedError


STEPS = [captures, tables, two_days, earlier, last]
ASSETS = [name for step in STEPS for name in step.outputs]
acts = st.lists(
    st.tuples(
        st.sampled_from(STEPS),
        st.integers(0, 3),
        st.sampled_from(["publish", "publish", "publish", "older code", "other settings", "one output", "refuse"]),
        st.integers(0, 2),
    ),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, landed=st.sets(st.integers(0, 3), max_size=2))
def test_a_plan_of_all_days_equals_one_made_cell_by_cell(
    warehouse: Warehouse, partition: Partition, acts: list[Any], landed: set[int]
) -> None:
    fill(warehouse, partition, acts, landed)
    partitions = [partition.on(FIRST + timedelta(days=n)) for n in range(-1, 5)]
    found = standings(STEPS, partition.instrument, [p.day for p in partitions], warehouse)
    plan = plan_of(STEPS, partition.instrument, warehouse)
    n_well, rest = plan.restless([p.day for p in partitions])
    cells = [cell for cell in plan.cells([p.day for p in partitions]) if cell.state != "published"]

    assert [each for p in partitions for each in naive_plan.standings(STEPS, p, warehouse)] == found
    assert [naive_plan.pending(STEPS, p, warehouse) for p in partitions] == [
        pending(STEPS, p, warehouse) for p in partitions
    ]
    assert set(cells) == set(rest)
    assert sum(n_well.values()) == len(found) - len(cells)


def fill(warehouse: Warehouse, partition: Partition, acts: list[Any], landed: set[int]) -> None:
    """Do what happened to a catalogue, in its tables only; nothing of an earlier example stays."""
    for path in warehouse.landing().rglob(f"*.{CAPTURE}"):
        path.unlink()
    for n in landed:
        folder = warehouse.landing(partition.on(FIRST + timedelta(days=n)))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"lines.{CAPTURE}").touch()
    with Session(warehouse.lake.engine) as session, session.begin():
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
        for number, (step, n, what, content) in enumerate(acts, 1):
            ticket = Ticket(number, step.name, partition.on(FIRST + timedelta(days=n)), "run", Path())
            act(session, warehouse, step, ticket, what, content)


def act(session: Session, warehouse: Warehouse, step: Any, ticket: Ticket, what: str, content: int) -> None:
    session.add(
        TicketRow(
            id=ticket.id,
            step=step.name,
            day=ticket.partition.day,
            instrument_id=str(ticket.partition.instrument),
            run_id="run",
            taken_at=datetime.now(UTC),
        )
    )
    session.flush()
    (outline,) = of_steps([step], warehouse.settings)
    code = "0" if what == "older code" else step.code_version
    digest = "other" if what == "other settings" else outline.digest(TickRules())
    inputs = tuple(
        sorted(
            (pointer.asset, pointer.day, pointer.md5)
            for name, days in outline.inputs.items()
            for pointer in session.scalars(
                select(PointerRow).where(
                    PointerRow.asset == name, PointerRow.day.in_(days.around(ticket.partition.day))
                )
            )
        )
    )
    judgement = Judgement("fine", "n", 0.0, 0.0, 0.0, passed=what != "refuse")
    names = list(step.outputs)[:1] if what == "one output" else list(step.outputs)
    drafts = [Draft(name, "parquet", StagedFile(Path(), f"{content:032}", 1), (judgement,)) for name in names]
    record_judgements(session, ticket, drafts)
    for draft in drafts:
        if what == "refuse":
            session.add(refused(ticket, draft))
        else:
            move_pointer(session, ticket, draft, 1, Origin(code, digest, inputs))
    session.flush()


def refused(ticket: Ticket, draft: Draft) -> QuarantineRow:
    return QuarantineRow(
        ticket_id=ticket.id,
        asset=draft.asset,
        day=ticket.partition.day,
        instrument_id=str(ticket.partition.instrument),
        md5=draft.file.md5,
        path="",
        reason="not fine",
        refused_at=datetime.now(UTC),
    )


def test_pointers_repeat_what_their_versions_say(warehouse: Warehouse, partition: Partition) -> None:
    fill(warehouse, partition, [(step, n, "publish", n) for n in range(3) for step in STEPS], set())
    with Session(warehouse.lake.engine) as session:
        pointers = list(session.scalars(select(PointerRow)))
        told = [(p.md5, p.origin) for p in pointers]
        versions = [p.version for p in pointers]
        origins = [
            Origin(v.code_version, v.settings_digest, tuple(sorted((i.asset, i.day, i.md5) for i in v.inputs)))
            for v in versions
        ]
        assert session.scalars(select(VersionInputRow)).first()
        assert session.scalars(select(VersionRow)).first()

    assert told == [(version.md5, origin.digest) for version, origin in zip(versions, origins, strict=True)]


@pytest.mark.parametrize("is_current", [True, False])
def test_a_look_keeps_the_outlines_of_the_graph_until_something_changes(
    warehouse: Warehouse, *, is_current: bool
) -> None:
    (warehouse.settings.root / "var").mkdir(exist_ok=True)
    first = Look.open(warehouse.settings).outlines
    kept = (warehouse.settings.root / "var" / "outlines.json").stat().st_mtime_ns
    book = warehouse.settings.book.model_copy(update={"depth": 7})
    changed = warehouse.settings if is_current else warehouse.settings.model_copy(update={"book": book})

    again = Look.open(changed).outlines

    assert is_current is (first == again)
    assert is_current is (kept == (warehouse.settings.root / "var" / "outlines.json").stat().st_mtime_ns)
