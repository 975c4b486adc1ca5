from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from trading_assets.cli import watch as watching
from trading_assets.cli.standing import alarming
from trading_assets.identifiers import Instrument, Partition
from trading_assets.look import Overview
from trading_assets.orchestration.market_plan import Cell, State
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.pulse import pulse

MOMENT = datetime(2024, 8, 8, 12, tzinfo=UTC)
MARKET = Instrument("BTCUSDT", "BINANCE")


def cell(n: int, state: State, *, asset: str = "raw_trades", why: str = "") -> Cell:
    return Cell(asset, Partition(date(2024, 1, 1) + timedelta(days=n), MARKET), state, None, why)


def drawn(cells: list[Cell], *, height: int = 24, width: int = 90) -> list[str]:
    counts: dict[str, Counter[State]] = {}
    for each in cells:
        counts.setdefault(each.asset, Counter())[each.state] += 1
    found = Overview(counts, cells)
    console = Console(width=width, height=height, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - nothing is written
    console.print(watching.picture(found, alarming(cells), height=height, moment=MOMENT))
    return console.export_text().splitlines()


@pytest.mark.parametrize("height", [12, 24, 60])
def test_hundreds_of_partitions_fit_the_screen(height: int) -> None:
    many = [cell(n, State.MISSING, why="x" * 500) for n in range(700)]

    lines = drawn([*many, cell(0, State.PUBLISHED, asset="labels")], height=height)

    assert len(lines) <= height
    assert max(map(len, lines)) <= 90
    assert any("700" in line for line in lines)


def test_what_presses_most_is_shown_first_and_the_rest_is_counted() -> None:
    found = [*(cell(n, State.MISSING) for n in range(50)), cell(7, State.QUARANTINED, why="crossed")]

    lines = drawn(found)

    first = next(line for line in lines if " of 2024" in line)
    assert first.startswith("quarantined raw_trades of 2024-01-08|BTCUSDT.BINANCE: crossed")
    assert "others: see `trading-assets status`" in lines[-1]


def test_a_change_is_told_once_and_only_what_changed() -> None:
    before, _ = watching.changes({}, [cell(0, State.MISSING), cell(1, State.MISSING)])

    after, lines = watching.changes(before, [cell(0, State.MISSING), cell(1, State.QUARANTINED)])

    assert ["raw_trades of 2024-01-02|BTCUSDT.BINANCE: quarantined"] == lines
    assert [] == watching.changes(after, [cell(0, State.MISSING), cell(1, State.QUARANTINED)])[1]


def test_into_a_pipe_every_change_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(*_: Any) -> Iterator[list[Cell] | None]:
        yield [cell(0, State.MISSING)]
        yield None
        yield [cell(0, State.QUARANTINED)]
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "_looks", looks)
    monkeypatch.setattr(watching, "_cells", lambda cells, _: cells)
    watching.watch(None, None, (date.min, date.max), every_s=1)  # type: ignore[arg-type]  # nothing looks into the session

    told = capsys.readouterr().out.splitlines()
    assert ["1 missing", "1 quarantined", "raw_trades of 2024-01-01|BTCUSDT.BINANCE: quarantined"] == [
        line.partition(" ")[2].strip() for line in told
    ]


def test_the_pulse_changes_with_every_attempt_and_is_still_otherwise(
    warehouse: Warehouse, partition: Partition
) -> None:
    engine = warehouse.lake.engine
    before = pulse(engine)
    assert before == pulse(engine)

    with warehouse.lake.ticket("table", partition, run_id="run"):
        during = pulse(engine)

    assert before != during
