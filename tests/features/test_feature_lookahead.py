import polars as pl
import pytest
from feature_inputs import SMALL, features, random_book, random_ledger, random_tape

from trading_assets.features.lookahead import cut_ticks, lookahead_rows
from trading_assets.features.matrix import feature_names
from trading_assets.schema import TS_END, TS_GRID, TS_KNOWN, TS_RECV, TS_START

BOOK, TAPE, GAPS = random_book(4, 400, hostile=False), random_tape(4, 300), random_ledger(4, 2)


def audit(published: pl.DataFrame, cuts: int = 3) -> int:
    return lookahead_rows(published.lazy(), BOOK.lazy(), TAPE.lazy(), GAPS.lazy(), SMALL, cuts=cuts)


def test_a_table_made_from_the_past_passes() -> None:
    assert audit(features(BOOK, TAPE, GAPS)) == 0


@pytest.mark.parametrize("name", feature_names(SMALL))
def test_one_column_moved_up_by_one_tick_is_caught(name: str) -> None:
    peeked = features(BOOK, TAPE, GAPS).with_columns(pl.col(name).shift(-1))

    assert audit(peeked, cuts=1) > 0


@pytest.mark.parametrize(
    "tamper",
    [
        lambda frame: frame.with_columns(pl.col("mid_px") * (1 + 2**-52)),
        lambda frame: frame.with_columns(pl.col("mid_px").backward_fill()),
        lambda frame: frame.with_columns((pl.col("imbalance_1") - pl.col("imbalance_1").mean()).alias("imbalance_1")),
        lambda frame: frame.drop("mid_px"),
        lambda frame: frame.filter(pl.int_range(pl.len()) != 3),
        lambda frame: pl.concat([frame.head(1).with_columns(pl.col(TS_GRID) - pl.duration(nanoseconds=10**9)), frame]),
    ],
    ids=["last bit", "filled from ahead", "centred on the whole day", "column dropped", "row dropped", "row added"],
)
def test_any_other_difference_is_caught(tamper: object) -> None:
    assert callable(tamper)
    assert audit(tamper(features(BOOK, TAPE, GAPS))) > 0


@pytest.mark.parametrize("seconds", [0.3, 5])
def test_a_table_made_from_messages_dated_too_early_is_caught(seconds: float) -> None:
    early = BOOK.with_columns(pl.col(TS_RECV) - pl.duration(nanoseconds=int(seconds * 1e9)))

    assert audit(features(early, TAPE, GAPS)) > 0


def test_a_gap_used_before_it_was_known_is_caught() -> None:
    gaps = GAPS.with_columns(pl.col(TS_START).alias(TS_KNOWN))
    clairvoyant = features(BOOK, TAPE, gaps)

    assert not clairvoyant.equals(features(BOOK, TAPE, GAPS))
    assert audit(clairvoyant) > 0


def test_a_gap_that_ends_after_a_cut_is_open_there_and_changes_nothing() -> None:
    open_ended = GAPS.with_columns(pl.lit(None).cast(GAPS.schema[TS_END]).alias(TS_END))

    assert (
        lookahead_rows(
            features(BOOK, TAPE, open_ended).lazy(), BOOK.lazy(), TAPE.lazy(), open_ended.lazy(), SMALL, cuts=5
        )
        == 0
    )


def test_an_empty_table_has_nothing_to_audit() -> None:
    assert audit(features(BOOK, TAPE, GAPS).head(0)) == 0


def test_cuts_are_spread_over_the_table_and_end_with_its_last_tick() -> None:
    frame = features(BOOK, TAPE, GAPS)
    chosen = cut_ticks(frame.lazy(), 4)

    assert len(chosen) == 4
    assert frame[TS_GRID].cast(pl.Int64)[-1] == chosen[-1]
