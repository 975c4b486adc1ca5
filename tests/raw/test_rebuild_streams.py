"""Books of streams without update ids: snapshots in the stream, marks of a connection, checksums, a limited depth."""

import zlib
from datetime import date

import polars as pl

from trading_assets import schema
from trading_assets.identifiers import Instrument
from trading_assets.raw.decoding.decode import decode
from trading_assets.raw.messages import BookMessages
from trading_assets.raw.rebuilding.whole import RawDay, rebuild_day
from trading_assets.venues import interchange
from trading_assets.venues.wire import Mark

DAY, START = date(2024, 8, 8), 1_723_161_255_000_000_000
ANY = Instrument.parse("BTC-PERPETUAL.DERIBIT")
SNAPSHOT = interchange.depth_line(1, [("99", "1"), ("98", "2")], [("101", "1")], is_snapshot=True)


def update(bids: list[tuple[str, str]] | None = None, asks: list[tuple[str, str]] | None = None) -> str:
    return interchange.depth_line(2, bids or [], asks or [], is_snapshot=False)


def day_of(*lines: str) -> RawDay:
    raw = b"".join(b"%d %s\n" % (START + n * 10**9, line.encode()) for n, line in enumerate(lines))
    return rebuild_day(decode([raw], instrument=ANY), None, day=DAY, instrument=ANY, depth=2)


def tops(day: RawDay) -> list[tuple[object, ...]]:
    return day.snapshots.select(schema.IS_VALID, "bid_px_00", "bid_sz_00", "ask_px_00").rows()


def causes(day: RawDay) -> list[tuple[object, ...]]:
    seconds = [(pl.col(name).cast(pl.Int64) - START) // 10**9 for name in (schema.TS_KNOWN, schema.TS_END)]
    return day.gaps.select(schema.CAUSE, *seconds).rows()


def test_updates_follow_one_another_and_have_no_ids() -> None:
    day = day_of(SNAPSHOT, update([("99", "5")]), update([("99", "0")]))

    assert tops(day) == [(True, 99, 1, 101), (True, 99, 5, 101), (True, 98, 2, 101)]
    assert day.snapshots[schema.SEQ_LAST].null_count() == 3
    assert (day.findings.has_ids, causes(day)) == (False, [])


def test_a_snapshot_amid_updates_begins_the_book_anew_and_is_noted() -> None:
    day = day_of(
        SNAPSHOT, update([("99", "5")]), interchange.depth_line(3, [("97", "1")], [("103", "1")], is_snapshot=True)
    )

    assert tops(day)[-1] == (True, 97, 1, 103)
    assert day.snapshots["bid_px_01"].to_list()[-1] is None
    assert causes(day) == [("resync", 2, 2)]


def test_books_that_follow_one_another_are_no_break() -> None:
    day = day_of(SNAPSHOT, SNAPSHOT.replace('"99"', '"99.5"'), SNAPSHOT)

    assert [row[1] for row in tops(day)] == [99, 99.5, 99]
    assert causes(day) == []


def test_updates_before_the_first_book_show_nothing() -> None:
    day = day_of(update([("99", "5")]), SNAPSHOT)

    assert tops(day) == [(False, None, None, None), (True, 99, 1, 101)]
    assert causes(day) == [("no_snapshot", 0, 1)]


def test_a_connection_that_went_on_where_it_paused_is_unbroken() -> None:
    day = day_of(
        SNAPSHOT, interchange.mark_line(Mark(None, 9)), interchange.mark_line(Mark(10, None)), update([("99", "5")])
    )

    assert tops(day)[-1] == (True, 99, 5, 101)
    assert day.counts.ignored == {"mark": 2}
    assert day.counts.n_accounted == day.counts.n_lines


def test_a_connection_that_lost_numbers_has_no_book_until_the_next_snapshot() -> None:
    marks = (interchange.mark_line(Mark(None, 9)), interchange.mark_line(Mark(12, None)))
    day = day_of(SNAPSHOT, *marks, update([("99", "5")]), update([("99", "6")]), SNAPSHOT)

    assert [row[0] for row in tops(day)] == [True, False, False, True]
    assert causes(day) == [("sequence_gap", 3, 5)]
    assert day.gaps.select(schema.SEQ_BEFORE, schema.SEQ_AFTER).rows() == [(None, None)]


def test_a_file_that_begins_amid_a_connection_has_no_book_until_the_next_snapshot() -> None:
    day = day_of(interchange.mark_line(Mark(7, None)), update([("99", "5")]), SNAPSHOT)

    assert [row[0] for row in tops(day)] == [False, True]


def checked(*messages: tuple[dict[str, object], int | None], max_levels: int = 0) -> RawDay:
    """A day of updates with checksums; each is (levels by side, checksum)."""
    lines = [interchange.depth_line(1, m["bids"], m["asks"], is_snapshot=not n) for n, (m, _) in enumerate(messages)]
    raw = b"".join(b"%d %s\n" % (START + n * 10**9, line.encode()) for n, line in enumerate(lines))
    decoded = decode([raw], instrument=ANY)
    book = decoded.book
    book.checksum[:] = [-1 if crc is None else crc for _, crc in messages]
    book.px_places[:], book.sz_places[:], book.max_levels[:] = 1, 3, max_levels
    assert isinstance(book, BookMessages)
    return rebuild_day(decoded, None, day=DAY, instrument=ANY, depth=2)


BOOK = {"bids": [("99", "1"), ("98", "2")], "asks": [("101", "1"), ("102", "0.5")]}
AFTER = zlib.crc32(b"10101000102050099050009802000")


def test_a_book_with_the_checksum_of_the_venue_is_valid() -> None:
    day = checked((BOOK, None), ({"bids": [("99", "5")], "asks": []}, AFTER))

    assert (tops(day)[-1], day.findings.n_checksums, day.findings.n_checksums_missed) == ((True, 99, 5, 101), 1, 0)


def test_a_book_without_the_checksum_of_the_venue_is_not_known_until_it_begins_anew() -> None:
    wrong = ({"bids": [("99", "6")], "asks": []}, AFTER)
    right_again = ({"bids": [("99", "5")], "asks": []}, AFTER)
    day = checked((BOOK, None), wrong, right_again)

    assert tops(day) == [(True, 99, 1, 101), (False, None, None, None), (False, None, None, None)]
    assert (day.findings.n_checksums, day.findings.n_checksums_missed) == (2, 1)
    assert causes(day) == [("checksum", 1, None)]


def test_levels_that_fall_out_of_the_subscription_are_gone() -> None:
    deeper = {"bids": [("99.5", "1")], "asks": []}
    gone = {"bids": [("99.5", "0")], "asks": []}
    day = checked((BOOK, None), (deeper, None), (gone, None), max_levels=2)

    assert day.snapshots["bid_px_00"].to_list() == [99, 99.5, 99]
    assert day.snapshots["bid_px_01"].to_list() == [98, 99, None]
