"""The rebuild of Kraken, Coinbase and Bybit recordings, held to the venues' own word and to plain dicts."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from venue_captures import FILES, NaiveBook, lines_by_instrument, recording, records

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import UPDATE
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day
from trading_assets.raw.ticker import ticker_agreement
from trading_assets.venues.wire import MAX_DECIMALS, Depth, Record

DEPTH = 20


def day_of(path: Path) -> date:
    return date.fromisoformat(path.name.removesuffix(".jsonl.gz"))


def rebuilt(shared_data: Path, venue: str, *, lost: int | None = None, window: int = 8192) -> dict[Instrument, RawDay]:
    """Every instrument's day; `lost` leaves out one update of each."""
    days = {}
    for instrument, lines in lines_by_instrument(shared_data, venue).items():
        messages = decode([b"\n".join(lines)], instrument=instrument)
        if lost is not None:
            updates = np.flatnonzero(messages.book.kind == UPDATE)
            gone = b"\n".join(line for n, line in enumerate(lines) if n != messages.book.line_no[updates[lost]])
            messages = decode([gone], instrument=instrument)
        day = day_of(recording(shared_data, venue))
        days[instrument] = rebuild_day(messages, None, day=day, instrument=instrument, depth=DEPTH, window=window)
    return days


def test_every_kraken_checksum_matches_the_rebuilt_book(shared_data: Path) -> None:
    days = rebuilt(shared_data, "KRAKEN")

    assert sum(day.findings.n_checksums for day in days.values()) == 4269
    assert {str(i): day.findings.n_checksums_missed for i, day in days.items()} == dict.fromkeys(map(str, days), 0)
    assert all(day.snapshots[schema.IS_VALID].all() for day in days.values())


def test_one_lost_kraken_update_is_found_by_the_checksum_and_nothing_after_it_is_claimed(shared_data: Path) -> None:
    days = rebuilt(shared_data, "KRAKEN", lost=3)
    found = {instrument for instrument, day in days.items() if day.findings.n_checksums_missed}

    assert len(found) >= 5
    for instrument in found:
        assert days[instrument].gaps[schema.CAUSE].to_list() == ["checksum"]
        assert not days[instrument].snapshots[schema.IS_VALID].to_list()[-1]


@pytest.mark.parametrize("venue", ["BYBIT_LINEAR", "BYBIT_SPOT"])
def test_one_lost_bybit_update_is_a_gap_until_the_next_snapshot(shared_data: Path, venue: str) -> None:
    for day in rebuilt(shared_data, venue, lost=20).values():
        assert day.gaps.filter(pl.col(schema.CAUSE) != "clock_skew")[schema.CAUSE].to_list() == ["sequence_gap"]
        assert not day.snapshots[schema.IS_VALID].to_list()[-1]


@pytest.mark.parametrize("venue", ["COINBASE", "BYBIT_LINEAR", "BYBIT_SPOT", "KRAKEN"])
def test_nothing_is_missing_in_the_recordings(shared_data: Path, venue: str) -> None:
    for day in rebuilt(shared_data, venue).values():
        assert day.gaps.filter(pl.col(schema.CAUSE).is_in(schema.BOOK_CAUSES)).is_empty()
        assert day.counts.n_accounted == day.counts.n_lines


@pytest.mark.parametrize(("venue", "n"), [("BYBIT_LINEAR", 300), ("COINBASE", 80)])
def test_the_book_agrees_with_the_venues_ticker_wherever_it_can_be_compared(
    shared_data: Path, venue: str, n: int
) -> None:
    found = [ticker_agreement(d.snapshots.lazy(), d.tickers.lazy()) for d in rebuilt(shared_data, venue).values()]
    print(venue, found)  # noqa: T201 - how many could be compared

    assert sum(each["n_ticker_compared"] for each in found) > n
    assert sum(each["n_ticker_disagree"] for each in found) == 0


@pytest.mark.parametrize("venue", ["BYBIT_LINEAR", "COINBASE"])
def test_a_wrong_book_disagrees_with_the_ticker(shared_data: Path, venue: str) -> None:
    wrong = pl.col(schema.level("bid", "px", 0)) - 1
    found = [
        ticker_agreement(day.snapshots.lazy().with_columns(wrong), day.tickers.lazy())
        for day in rebuilt(shared_data, venue).values()
    ]

    assert min(each["ticker_agreement"] for each in found) < 0.5


def naive_rows(records: list[Record]) -> list[tuple[float | None, ...]]:
    """Bid and ask levels after each snapshot, and each update that changed the book: prices and sizes, best first."""
    book, rows, unit = NaiveBook(), [], 10**MAX_DECIMALS
    for message in records:
        if isinstance(message, Depth):
            before = (dict(book.bids), dict(book.asks))
            book.apply(message)
            if message.is_snapshot or before != (book.bids, book.asks):
                sides = (book.ranked_bids()[:DEPTH], book.ranked_asks()[:DEPTH])
                rungs = [[n / unit for level in side for n in level] for side in sides]
                rows.append(tuple(x for rung in rungs for x in (*rung, *[None] * (2 * DEPTH - len(rung)))))
    return rows


@pytest.mark.parametrize("venue", list(FILES))
def test_every_row_shows_every_level_of_the_obvious_book(shared_data: Path, venue: str) -> None:
    columns = [schema.level(side, field, n) for side in schema.SIDES for n in range(DEPTH) for field in schema.FIELDS]
    days = rebuilt(shared_data, venue)
    for instrument, said in records(shared_data, venue):
        assert naive_rows(said) == days[instrument].snapshots.select(columns).rows()


@pytest.mark.parametrize("venue", list(FILES))
def test_the_window_changes_nothing(shared_data: Path, venue: str) -> None:
    for one, other in zip(
        rebuilt(shared_data, venue).values(), rebuilt(shared_data, venue, window=50).values(), strict=True
    ):
        assert one.snapshots.equals(other.snapshots)
        assert one.gaps.equals(other.gaps)
        assert one.counts == other.counts
