from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from trading_assets.cli import watch as watching
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import Warehouse
from trading_assets.orchestration.market_plan import State
from trading_assets.orchestration.plan import Standing
from trading_assets.storage.pulse import pulse

MOMENT = datetime(2024, 8, 8, 12, tzinfo=UTC)
MARKET = Instrument("BTCUSDT", "BINANCE")


def standing(n: int, state: State, *, asset: str = "raw_trades", why: str = "") -> Standing:
    return Standing(asset, Partition(date(2024, 1, 1) + timedelta(days=n), MARKET), state, None, why)


def drawn(standings: list[Standing], *, height: int = 24, width: int = 90) -> list[str]:
    console = Console(width=width, height=height, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - nothing is written
    console.print(watching.picture(standings, height=height, moment=MOMENT))
    return console.export_text().splitlines()


@pytest.mark.parametrize("height", [12, 24, 60])
def test_hundreds_of_partitions_fit_the_screen(height: int) -> None:
    many = [standing(n, State.MISSING, why="x" * 500) for n in range(700)]

    lines = drawn([*many, standing(0, State.PUBLISHED, asset="labels")], height=height)

    assert len(lines) <= height
    assert max(map(len, lines)) <= 90
    assert any("700" in line for line in lines)


def test_what_presses_most_is_shown_first_and_the_rest_is_counted() -> None:
    found = [*(standing(n, State.MISSING) for n in range(50)), standing(7, State.QUARANTINED, why="crossed")]

    lines = drawn(found)

    first = next(line for line in lines if " of 2024" in line)
    assert first.startswith("quarantined raw_trades of 2024-01-08|BTCUSDT.BINANCE: crossed")
    assert "others: `trading-assets status` shows them all" in lines[-1]


def test_a_change_is_told_once_and_only_what_changed() -> None:
    before, _ = watching.changes({}, [standing(0, State.MISSING), standing(1, State.MISSING)])

    after, lines = watching.changes(before, [standing(0, State.MISSING), standing(1, State.QUARANTINED)])

    assert ["raw_trades of 2024-01-02|BTCUSDT.BINANCE: quarantined"] == lines
    assert [] == watching.changes(after, [standing(0, State.MISSING), standing(1, State.QUARANTINED)])[1]


def test_into_a_pipe_every_change_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(*_: Any) -> Iterator[list[Standing] | None]:
        yield [standing(0, State.MISSING)]
        yield None
        yield [standing(0, State.QUARANTINED)]
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "_looks", looks)
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
