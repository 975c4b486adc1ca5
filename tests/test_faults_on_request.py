"""Recordings damaged on purpose: the ledger, the books and the features against the truth about them."""

import re

import polars as pl
import pytest
from damaged_days import FEATURES, LEVELS, Day, books_of_the_exchange, day, expected_rows, ledger_rows
from polars.testing import assert_frame_equal

from trading_assets import schema
from trading_assets.features.registry import REGISTRY
from trading_assets.schema import BOOK_CAUSES
from trading_assets.sources.faults.expected import Gap

SEEDS = [
    pytest.param(range(at, at + 20), id=f"seeds {at} to {at + 19}", marks=[] if at < 20 else [pytest.mark.slow])
    for at in range(0, 300, 20)
]
NS = 1_000_000_000
WINDOW = re.compile(r"_([0-9]+)(s|ms)(?:_|$)")
MAY_BE_UNDEFINED = {name for feature in REGISTRY if feature.may_be_undefined for name in feature.names(FEATURES)}


@pytest.mark.parametrize("seeds", SEEDS)
def test_damage_leads_to_exactly_what_was_told(seeds: range) -> None:
    for seed in seeds:
        damaged = day(seed)

        assert expected_rows(damaged.truth) == ledger_rows(damaged.raw.gaps), f"seed {seed}"
        assert dead_letters_told(damaged) == dead_letters_found(damaged), f"seed {seed}"
        assert damaged.raw.counts.n_accounted == damaged.raw.counts.n_lines == damaged.truth.n_lines_out
        assert damaged.raw.counts.n_duplicates == repeats_told(damaged), f"seed {seed}"
        assert_every_valid_book_is_the_venues(damaged)
        assert_books_are_valid_just_where_no_gap_is_open(damaged)
        assert_features_are_null_just_where_they_touch_a_gap(damaged)


def repeats_told(damaged: Day) -> int:
    """Tickers are not counted: each is evidence of its own."""
    return sum(fault.kind == "repeat" and fault.messages != "ticker" for fault in damaged.truth.faults)


def dead_letters_told(damaged: Day) -> list[tuple[object, ...]]:
    return [(x.line_no, x.offset, x.n_bytes, x.reason) for x in damaged.truth.dead_letters]


def dead_letters_found(damaged: Day) -> list[tuple[object, ...]]:
    return damaged.raw.findings.dead_letters.select(schema.LINE_NO, schema.OFFSET, schema.N_BYTES, schema.REASON).rows()


def assert_every_valid_book_is_the_venues(damaged: Day) -> None:
    valid = damaged.raw.snapshots.filter(schema.IS_VALID).select(schema.SEQ_LAST, *LEVELS)

    assert len(valid) > 50
    assert_frame_equal(
        valid.select(schema.SEQ_LAST).join(
            books_of_the_exchange(), on=schema.SEQ_LAST, how="left", maintain_order="left"
        ),
        valid,
        check_exact=True,
    )


def assert_books_are_valid_just_where_no_gap_is_open(damaged: Day) -> None:
    last_of_instant = damaged.raw.snapshots.group_by(schema.TS_RECV, maintain_order=True).last()
    rows = last_of_instant.select(pl.col(schema.TS_RECV).cast(pl.Int64), schema.IS_VALID).rows()
    gaps = [gap for gap in damaged.truth.gaps if gap.cause in BOOK_CAUSES]

    assert [] == [ts for ts, is_valid in rows if is_valid == any(touches(gap, ts, 0) for gap in gaps)]


def assert_features_are_null_just_where_they_touch_a_gap(damaged: Day) -> None:
    frame = damaged.features()
    ticks = frame[schema.TS_GRID].cast(pl.Int64).to_list()
    known: dict[tuple[int, bool], list[bool]] = {}
    assert len(ticks) > 100
    for name in frame.columns[1:]:
        kind = window_of(name), name.startswith(("n_trades", "trade_"))
        if kind not in known:
            known[kind] = [is_known(damaged, tick, *kind) and tick - kind[0] >= ticks[0] for tick in ticks]
        is_there = frame[name].is_not_null().to_list()
        may_be_absent = name in MAY_BE_UNDEFINED
        assert [] == [
            t for t, x, y in zip(ticks, known[kind], is_there, strict=True) if y > x or (x > y and not may_be_absent)
        ]


def is_known(damaged: Day, tick: int, window_ns: int, of_trades: bool) -> bool:  # noqa: FBT001 - a column of a table
    causes = ("trade_gap",) if of_trades else BOOK_CAUSES
    return not any(gap.cause in causes and touches(gap, tick, window_ns) for gap in damaged.truth.gaps)


def touches(gap: Gap, tick: int, window_ns: int) -> bool:
    """Whether what was known at a tick of a gap reaches into the window that ends there."""
    return gap.ts_known <= tick and (gap.ts_end is None or gap.ts_end > tick - window_ns)


def window_of(name: str) -> int:
    found = WINDOW.search(name)
    return 0 if found is None else int(found[1]) * (NS if found[2] == "s" else NS // 1_000)
