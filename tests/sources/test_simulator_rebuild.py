from datetime import date

import polars as pl
import pytest
from simulations import DAY, SIMBTC, captured

from trading_assets.raw.decoding.decode import decode_strict
from trading_assets.raw.quality import book_quality
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day

NEXT = date(2024, 8, 9)


@pytest.fixture(scope="module")
def rebuilt() -> dict[date, RawDay]:
    days = captured(days=2, minutes_per_day=1)
    today, after = (decode_strict([days[day]], instrument=SIMBTC) for day in (DAY, NEXT))
    return {
        DAY: rebuild_day(today, None, day=DAY, instrument=SIMBTC, depth=20),
        NEXT: rebuild_day(after, today, day=NEXT, instrument=SIMBTC, depth=20),
    }


@pytest.mark.parametrize(("day", "why"), [(DAY, "before_snapshot"), (NEXT, "out_of_sequence")])
def test_every_line_is_used_but_for_the_depth_before_the_first_snapshot(
    rebuilt: dict[date, RawDay], day: date, why: str
) -> None:
    counts = rebuilt[day].counts

    assert counts.n_dead_letters == counts.n_duplicates == 0
    assert counts.ignored == {why: 5}
    assert sum(counts.used.values()) == counts.n_lines - 5


@pytest.mark.parametrize("day", [DAY, NEXT])
def test_rebuilt_books_agree_with_every_comparable_ticker(rebuilt: dict[date, RawDay], day: date) -> None:
    raw = rebuilt[day]
    measures = book_quality(raw.snapshots.lazy(), raw.tickers.lazy(), day=day, depth=20)

    assert measures["n_ticker_disagree"] == 0
    assert measures["n_ticker_compared"] > 40
    assert measures["valid_share"] > 0.95


def test_only_the_pause_is_a_break_of_sequence(rebuilt: dict[date, RawDay]) -> None:
    causes = {day: raw.gaps.get_column("cause").cast(pl.String).to_list() for day, raw in rebuilt.items()}

    assert causes == {DAY: ["no_snapshot"], NEXT: ["sequence_gap"]}
