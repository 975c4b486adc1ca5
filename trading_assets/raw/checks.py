"""The gates of captures, books, trades, gaps and dead letters."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from trading_assets import schema
from trading_assets.orchestration.gate import Audit, Gate, Measures, Rule, none_of
from trading_assets.raw.causes import book_causes
from trading_assets.raw.coverage import interval_coverage, rows_altered, rows_unexplained, stale_share
from trading_assets.raw.quality import (
    book_offenders,
    book_quality,
    dead_letters_offenders,
    gaps_offenders,
    gaps_quality,
    trades_offenders,
    trades_quality,
)
from trading_assets.raw.replay import ReplayedDay
from trading_assets.settings import Settings
from trading_assets.sources.contents import capture_contents
from trading_assets.sources.summary import capture_summary


def _measure_capture(audit: Audit) -> Measures:
    """Recount the capture, and hold its lines against those of everything it should have been joined from."""
    settings = audit.settings.captures
    staged = capture_summary(audit.staged, settings, day=audit.partition.day)
    standing = audit.inputs["standing"]
    sources = [*audit.inputs["landed"], *([standing] if standing else [])]
    return {
        "n_lines": staged.n_lines,
        **capture_contents(audit.staged, sources, settings),
        "n_receive_outside_day": staged.n_outside_day,
        "n_damages": int(staged.damage is not None),
        "n_intervals": len(staged.intervals),
    }


def _capture_rules(_: Settings) -> Sequence[Rule]:
    return (
        Rule("capture_is_not_empty", "n_lines", minimum=1),
        none_of("capture_has_every_line_of_its_sources", "n_lines_lost"),
        none_of("capture_has_no_other_line", "n_lines_invented"),
        none_of("capture_keeps_the_order_of_its_sources", "n_lines_misplaced"),
        none_of("capture_was_received_on_its_day", "n_receive_outside_day"),
        none_of("capture_is_readable", "n_damages"),
        Rule("capture_was_received_at_some_time", "n_intervals", minimum=1),
    )


def _measure_book(audit: Audit) -> Measures:
    day: ReplayedDay = audit.evidence["day"]
    captures: Mapping[date, Path] = audit.inputs["captures"]
    recorded = capture_summary(captures[audit.partition.day], audit.settings.captures)
    found = book_quality(
        audit.staged,
        day.tickers,
        day=audit.partition.day,
        depth=audit.settings.book.depth,
        has_ids=day.findings.has_ids,
    )
    coverage = interval_coverage(audit.staged, recorded.intervals)
    if not day.findings.has_book:  # a source of trades: that its book is empty is all there is to ask
        found, coverage = {**found, "valid_share": 1.0}, 1.0
    return {
        **found,
        "coverage": coverage,
        "n_seq_broken": max(0, int(found["n_seq_broken"]) - day.findings.n_begun_anew),
        "n_rows_lacking": max(0, audit.settings.gate.min_book_rows - int(found["n_rows"])) * day.findings.has_book,
        "n_checksums_missed": day.findings.n_checksums_missed,
        "n_lines_unaccounted": abs(recorded.n_lines - day.counts.n_accounted),
        "stale_share": stale_share(day.counts),
        "n_rows_altered": rows_altered(audit.staged, day.fingerprints["raw_l2_snapshots"]),
    }


def _book_rules(settings: Settings) -> Sequence[Rule]:
    gate = settings.gate
    return (
        none_of("book_has_rows", "n_rows_lacking"),
        Rule("book_agrees_with_the_checksums", "n_checksums_missed", minimum=0),
        Rule("book_is_mostly_valid", "valid_share", minimum=gate.min_valid_share),
        Rule("book_covers_the_recording", "coverage", minimum=gate.min_coverage),
        none_of("book_is_not_crossed", "n_crossed"),
        none_of("levels_are_sorted", "n_unsorted"),
        none_of("levels_have_no_holes", "n_holes"),
        none_of("prices_and_sizes_are_positive", "n_nonpositive"),
        none_of("prices_and_sizes_are_not_nan", "n_nan"),
        none_of("prices_and_sizes_are_finite", "n_inf"),
        none_of("rows_have_update_ids", "n_null_ids"),
        none_of("rows_have_receive_times", "n_null_time"),
        none_of("receive_times_never_fall", "n_time_backward"),
        none_of("sequence_never_falls", "n_seq_broken"),
        none_of("no_row_is_repeated", "n_repeated"),
        Rule("book_follows_its_updates", "stale_share", maximum=gate.max_stale_share),
        none_of("book_is_that_of_the_replay", "n_rows_altered"),
        none_of("rows_are_of_their_day", "n_outside_day"),
        Rule("book_agrees_with_the_ticker", "ticker_agreement", minimum=gate.min_ticker_agreement),
        none_of("every_line_is_accounted_for", "n_lines_unaccounted"),
        Rule("ticker_was_compared", "n_ticker_compared", minimum=0),
    )


def _book_causes(audit: Audit) -> dict[str, str]:
    day: ReplayedDay = audit.evidence["day"]
    n_valid = audit.staged.select(pl.col(schema.IS_VALID).sum()).collect().item()
    return dict(book_causes(day.findings, is_ever_valid=bool(n_valid)))


def _trades_rules(_: Settings) -> Sequence[Rule]:
    return (
        none_of("trades_are_those_of_the_capture", "n_trades_unaccounted"),
        none_of("trades_are_those_of_the_replay", "n_rows_altered"),
        none_of("trades_are_sorted", "n_unsorted"),
        none_of("trade_ids_are_unique", "n_duplicate_ids"),
        none_of("trades_are_positive", "n_nonpositive"),
        none_of("trades_are_not_nan", "n_nan"),
        none_of("trades_are_finite", "n_inf"),
        none_of("trades_are_complete", "n_null"),
        none_of("trades_are_of_their_day", "n_outside_day"),
    )


def _measure_trades(audit: Audit) -> Measures:
    day: ReplayedDay = audit.evidence["day"]
    found = trades_quality(audit.staged, day=audit.partition.day)
    lacking = abs(int(found["n_without_id"]) - day.findings.n_trades_without_id)
    lacking += abs(int(found["n_without_side"]) - day.findings.n_trades_without_side)
    return {
        **found,
        "n_null": found["n_null"] + lacking,
        "n_trades_unaccounted": abs(int(found["n_rows"]) - day.findings.n_trades),
        "n_rows_altered": rows_altered(audit.staged, day.fingerprints["raw_trades"]),
    }


def _measure_gaps(audit: Audit) -> Measures:
    day: ReplayedDay = audit.evidence["day"]
    return {
        **gaps_quality(audit.staged),
        "n_rows_unexplained": rows_unexplained(pl.Series(day.findings.invalid), audit.staged),
        "n_rows_altered": rows_altered(audit.staged, day.fingerprints["feed_gaps"]),
    }


def _gaps_rules(_: Settings) -> Sequence[Rule]:
    return (
        Rule("ledger_may_be_empty", "n_rows", minimum=0),
        none_of("gaps_are_well_formed", "n_malformed"),
        none_of("gaps_are_sorted", "n_unsorted"),
        none_of("every_invalid_row_lies_in_a_gap", "n_rows_unexplained"),
        none_of("ledger_is_that_of_the_replay", "n_rows_altered"),
    )


def _measure_dead_letters(audit: Audit) -> Measures:
    day: ReplayedDay = audit.evidence["day"]
    n_rows = int(audit.staged.select(pl.len()).collect().item())
    return {
        "n_rows": n_rows,
        "dead_letter_share": n_rows / day.counts.n_lines if day.counts.n_lines else None,
        "n_letters_unaccounted": abs(n_rows - day.counts.n_dead_letters),
        "n_rows_altered": rows_altered(audit.staged, day.fingerprints["dead_letters"]),
    }


def _dead_letter_rules(settings: Settings) -> Sequence[Rule]:
    return (
        Rule("few_lines_are_dead_letters", "dead_letter_share", maximum=settings.gate.max_dead_letter_share),
        none_of("dead_letters_are_counted", "n_letters_unaccounted"),
        none_of("dead_letters_are_those_of_the_replay", "n_rows_altered"),
    )


CAPTURES: Final = Gate(measure=_measure_capture, rules=_capture_rules)
BOOK: Final = Gate(
    measure=_measure_book,
    rules=_book_rules,
    columns=lambda settings: schema.l2_snapshots(settings.book.depth),
    offenders=lambda audit: book_offenders(
        audit.staged,
        day=audit.partition.day,
        depth=audit.settings.book.depth,
        has_ids=audit.evidence["day"].findings.has_ids,
    ),
    causes=_book_causes,
)
TRADES: Final = Gate(
    measure=_measure_trades,
    rules=_trades_rules,
    columns=lambda _: schema.TRADES,
    offenders=lambda audit: trades_offenders(audit.staged, day=audit.partition.day),
)
GAPS: Final = Gate(
    measure=_measure_gaps,
    rules=_gaps_rules,
    columns=lambda _: schema.FEED_GAPS,
    offenders=lambda audit: gaps_offenders(audit.staged),
)
DEAD_LETTERS: Final = Gate(
    measure=_measure_dead_letters,
    rules=_dead_letter_rules,
    columns=lambda _: schema.DEAD_LETTERS,
    offenders=lambda audit: dead_letters_offenders(audit.staged),
)
