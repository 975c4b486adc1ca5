"""Refused files as people read them: lists, judgements, comparisons.

Belongs here: rows and cells. Does not: layout (terminal).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.text import Text

from trading_assets.cli.terminal import complain, say, show_table, visible

if TYPE_CHECKING:
    from trading_assets.comparison.files import Comparison
    from trading_assets.comparison.tables import RowDifference, Summary
    from trading_assets.storage.records import Judgement
    from trading_assets.storage.upkeep.quarantine import Refused

COLUMNS: Final = ("ticket", "state", "asset", "partition", "refused at (UTC)", "rows", "failed rules", "stands")
STYLES: Final = {"waiting": "bold red", "overtaken": "dim", "accepted": "green", "dropped": "dim"}
MAX_CELL: Final = 80
"""Characters of a value; a model's trees are one value of megabytes."""
SHOWN_COLUMNS: Final = 8
NONE: Final = "—"


def refused_cells(refused: "Refused", failed: Sequence[str]) -> tuple[str | Text, ...]:
    """Return the cells of one line of the list."""
    return (
        str(refused.ticket_id),
        Text(refused.state, style=STYLES[refused.state]),
        refused.asset,
        str(refused.partition),
        f"{refused.refused_at:%Y-%m-%d %H:%M}",
        NONE if refused.n_rows is None else f"{refused.n_rows:,}",
        ", ".join(failed) or "none of its own",
        f"{refused.standing.md5[:12]}, {refused.standing.n_rows:,} rows" if refused.standing else "nothing",
    )


def print_refused(
    refused: "Refused", judgements: Sequence["Judgement"], offenders: Sequence[Mapping[str, object]]
) -> None:
    """Print all that is known of one refused file."""
    origin, standing = refused.origin, refused.standing
    say(f"{refused.asset} of {refused.partition}, ticket {refused.ticket_id}: ", refused.state, STYLES[refused.state])
    for name, value in (
        (
            "refused",
            f"{refused.refused_at:%Y-%m-%d %H:%M:%S} UTC, by the gate of {refused.step} in run {refused.run_id}",
        ),
        ("because", refused.reason),
        ("file", f"{refused.path}, md5 {refused.md5}"),
        ("report", str(refused.report)),
        ("made by", f"code {origin.code_version}, settings {origin.settings_digest}" if origin else "not known"),
        *(("made from", f"{asset} of {day}, {md5}") for asset, day, md5 in (origin.inputs if origin else ())),
        ("stands", f"{standing.md5}, {standing.n_rows:,} rows, since {standing.published_at:%Y-%m-%d %H:%M} UTC")
        if standing
        else ("stands", "nothing"),
    ):
        say(f"  {name}: {value}")
    cells = map(_judgement_cells, judgements)
    show_table(f"how {refused.asset} was judged", ("rule", "measure", "value", "wanted", "verdict"), cells)
    names = list(dict.fromkeys(name for row in offenders for name in row))
    shown, more = names[:SHOWN_COLUMNS], len(names) - SHOWN_COLUMNS
    rows = [[_cell(str(row.get(name))) for name in shown] for row in offenders]
    show_table("rows that break a rule" + (f" (and {more} other columns)" if more > 0 else ""), shown, rows)


def print_comparison(refused: "Refused", found: "Comparison", *, limit: int, columns: int) -> None:
    """Print a refused file beside what stands, at most so many rows or values, and columns."""
    title = f"{refused.asset} of {refused.partition}, ticket {refused.ticket_id}"
    for content in (found.refused, found.standing):
        if content is not None and content.problem:
            complain("unreadable", content.problem, "yellow")
    if found.standing is None:
        say("nothing stands: there is only the refused file to look at")
    show_table(title, ("", "refused", "stands"), _fact_rows(found, limit))
    unlike = _unlike_columns(found)
    heads = ("column", "", "type", "null", "NaN", "lowest", "highest", "mean")
    show_table("columns", heads, [line for name in unlike[:columns] for line in _column_lines(name, found)])
    if len(unlike) > columns:
        say(f"and {len(unlike) - columns} other columns (--columns)")
    _print_rows(found, columns)


def _judgement_cells(judgement: "Judgement") -> tuple[str | Text, ...]:
    low, high = judgement.minimum, judgement.maximum
    wanted = [f"{sign} {limit:g}" for sign, limit in ((">=", low), ("<=", high)) if limit is not None]
    return (
        judgement.rule,
        judgement.measure,
        "unknown" if judgement.value is None else f"{judgement.value:g}",
        f"= {low:g}" if low == high and low is not None else " and ".join(wanted),
        Text("passed", style="dim") if judgement.passed else Text("failed", style="bold red"),
    )


def _fact_rows(found: "Comparison", limit: int) -> list[tuple[str, str, str]]:
    there = found.standing.facts if found.standing else {}
    names = list(dict.fromkeys([*found.refused.facts, *there]))
    shown = names if found.refused.columns else names[: max(limit, 8)]
    return [(name, _cell(found.refused.facts.get(name)), _cell(there.get(name))) for name in shown]


def _unlike_columns(found: "Comparison") -> list[str]:
    """Name the columns that are not alike; all of them where nothing stands."""
    here, there = found.refused.columns, found.standing.columns if found.standing else {}
    return [name for name in dict.fromkeys([*here, *there]) if here.get(name) != there.get(name)]


def _column_lines(name: str, found: "Comparison") -> list[tuple[str | Text, ...]]:
    lines: list[tuple[str | Text, ...]] = [
        (name, Text("refused", style="red"), *_summary_cells(found.refused.columns.get(name)))
    ]
    if found.standing is not None:
        lines.append(("", Text("stands", style="green"), *_summary_cells(found.standing.columns.get(name))))
    return lines


def _summary_cells(summary: "Summary | None") -> tuple[str, ...]:
    if summary is None:
        return ("no such column", *[""] * 5)
    mean = "" if summary.mean is None else f"{summary.mean:.6g}"
    shares = (f"{share:.2%}" for share in (summary.null_share, summary.nan_share))
    return (summary.dtype, *shares, _cell(summary.minimum), _cell(summary.maximum), mean)


def _print_rows(found: "Comparison", columns: int) -> None:
    rows = found.rows
    if rows is None:
        return
    say(
        f"rows by {rows.key}: {rows.n_changed:,} changed, {rows.n_only_refused:,} only refused, "
        f"{rows.n_only_standing:,} only standing"
    )
    cells = (line for row in rows.first for line in _row_lines(row, columns))
    show_table("the first rows that are not alike", (rows.key, "", "column", "refused", "stands"), cells)


def _row_lines(row: "RowDifference", columns: int) -> list[tuple[str, ...]]:
    if not row.values:
        return [(row.key, row.kind, "", "", "")]
    more = len(row.values) - columns
    values = [*row.values[:columns], *([(f"and {more} others", "", "")] if more > 0 else [])]
    named = [(row.key, row.kind), *[("", "")] * (len(values) - 1)]
    return [(*name, *map(_cell, each)) for name, each in zip(named, values, strict=True)]


def _cell(text: str | None) -> str:
    return NONE if text is None else visible(text, limit=MAX_CELL)
