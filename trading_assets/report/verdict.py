"""The answers on the first screen: can this be trusted, and is the model worth anything.

Belongs here: concluding from sections, in a sentence with its numbers. Does not: reading (gather), showing (page).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from trading_assets.report.records import Answer, Level, Section
from trading_assets.schema import horizon

_NAMED: Final = 6
"""Troubles that are named one by one; the table of contents shows all."""


def answers(sections: Sequence[Section]) -> list[Answer]:
    """Answer what a person asks first."""
    return [trust(sections), worth(sections)]


def trust(sections: Sequence[Section]) -> Answer:
    """Say what is published and how it was judged, then everything that is not as it should be."""
    states = Counter(standing.state.value for section in sections for standing in section.standings)
    judgements = [j for section in sections for rules in section.rules.values() for j in rules]
    passed = sum(judgement.passed for judgement in judgements)
    damaged = [f"{s.partition}: {text}" for s in sections for text in s.damaged]
    level: Level = "bad" if damaged else "care" if states.keys() & {"quarantined", "missing", "stale"} else "good"
    short = {
        "good": "Yes. Everything that can be expected is published.",
        "care": "What is published, yes. Not everything is as it should be.",
        "bad": "Not all of it: published bytes were damaged.",
    }[level]
    reasons = [
        f"{passed:,} of {len(judgements):,} rules passed on what stands; every table shown was read through its md5.",
        "Partitions of assets: " + ", ".join(f"{n:,} {state}" for state, n in sorted(states.items())) + ".",
        *damaged,
        *_refused(sections),
        *_named_gaps(sections),
    ]
    return Answer("Can I trust this?", level, short, reasons)


def worth(sections: Sequence[Section]) -> Answer:
    """Say at which horizons the newest model of each instrument beats the naive forecast beyond chance."""
    newest = {section.partition.instrument: section for section in sections if section.model}
    reasons, is_any_better = [], False
    for instrument, section in newest.items():
        better = [found for found in section.worth if found.learner == "booster" and found.score.is_better_than_naive]
        is_any_better |= bool(better)
        told = "; ".join(
            f"{horizon(w.horizon_s)}: R² {w.score.r2:+.3f} [{w.score.r2_low:+.3f}, {w.score.r2_high:+.3f}], "
            f"correlation {w.score.correlation or 0:+.2f}"
            for w in better
        )
        reasons.append(f"{instrument}, model of {section.partition.day}: " + (told or "weak at every horizon") + ".")
    if not newest:
        return Answer(
            "Is the model worth anything?",
            "none",
            "There is no model here.",
            ["A model needs a recorded day before its own."],
        )
    if is_any_better:
        short = "Yes: on unseen time it beats the forecast of no change, at 95 %, at the horizons below."
        return Answer("Is the model worth anything?", "good", short, reasons)
    short = "No: it does not beat the forecast of no change beyond chance."
    return Answer("Is the model worth anything?", "care", short, reasons)


def _refused(sections: Sequence[Section]) -> list[str]:
    """Name refused files by the rules they broke, the siblings that were refused with them only by number."""
    found = [
        f"{refusal.file.partition} {refusal.file.asset} was refused: "
        + "; ".join(
            f"{j.rule} ({j.measure} = {'unknown' if j.value is None else f'{j.value:.6g}'})" for j in refusal.failed
        )
        for section in sections
        for refusal in section.refusals
        if refusal.failed
    ]
    return [*found[:_NAMED], *([f"and {len(found) - _NAMED:,} refused files more."] if len(found) > _NAMED else [])]


def _named_gaps(sections: Sequence[Section]) -> list[str]:
    causes = Counter[str]()
    for section in sections:
        causes.update(gap.cause for gap in section.gaps)
    n_gaps = sum(section.n_gaps or 0 for section in sections)
    if not n_gaps:
        return ["No gap in any feed."]
    return [
        f"Gaps of the feeds in the ledger: {n_gaps:,}, of them "
        + ", ".join(f"{n:,} {c}" for c, n in causes.most_common())
        + "."
    ]
