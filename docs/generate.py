"""Write the parts of the documents that follow from the code: `make docs`.

Belongs here: the graph in README.md, docs/assets.md, the matrix in docs/postgres.md, and which are generated at all.
Does not: what is said about an asset; that is the docstring of its step. tests/test_docs.py fails when a document is
not what this module would write.
"""

# ruff: noqa: INP001 - a script beside the documents, not a package
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from trading_assets.columns import in_short, meanings
from trading_assets.definitions import STAGES
from trading_assets.features.dictionary import dictionary
from trading_assets.orchestration.gate import Rule
from trading_assets.orchestration.step import Days, Output, Step
from trading_assets.settings import Settings
from trading_assets.storage.database.roles import WRITES
from trading_assets.storage.formats import CAPTURE, DOCUMENT

PROJECT: Final = Path(__file__).resolve().parents[1]

Stages = Mapping[str, Sequence[Step]]

SHOWN: Final = 4
"""Columns that differ by level or window only are shown together, all of them up to so many."""

_NOT_TABLES: Final = {
    CAPTURE: "lines `<receive ns> <venue JSON>`, see [captures](captures.md)",
    DOCUMENT: "one document, see `trading_assets/models/document.py`",
}
_HEAD: Final = """\
# Assets

Written from the code by `make docs`; a test fails when it is not current. Limits and names are those of the default
settings. One partition is one UTC day of one instrument. A step makes one asset or several; those of one step are
published together. What a rule means and how it is judged: [gate](gate.md).
"""


def documents(settings: Settings) -> dict[Path, str]:
    """Return every generated document, complete, by its path."""
    readme, postgres = PROJECT / "README.md", PROJECT / "docs" / "postgres.md"
    return {
        readme: with_part(readme.read_text(), "graph", graph(STAGES, settings)),
        postgres: with_part(postgres.read_text(), "roles", roles()),
        PROJECT / "docs" / "assets.md": assets(STAGES, settings),
        PROJECT / "docs" / "features.md": dictionary(),
    }


def default_settings() -> Settings:
    """Return the settings as declared, whatever settings.toml and the environment say."""
    return Settings(root=PROJECT, environment="development")


def with_part(text: str, name: str, part: str) -> str:
    """Replace what stands between the markers.

    Raises:
        ValueError: the text does not have each marker once, in order.
    """
    first, last = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    before, start, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not (start and end) or first in rest or last in after:
        raise ValueError(f"the text needs {first} and, after it, {last}, once each")
    return f"{before}{first}\n{part}{last}{after}"


def roles() -> str:
    """Write the matrix of roles as a table."""
    rows = (
        f"| `{table}` | {', '.join(filter(None, ('SELECT', writes)))} | SELECT |\n" for table, writes in WRITES.items()
    )
    return "| table | writer | reader |\n|---|---|---|\n" + "".join(rows)


def graph(stages: Stages, settings: Settings) -> str:
    """Draw the stages and their assets as a Mermaid block; an edge that reads other days says which."""
    lines = ["```mermaid", "flowchart LR"]
    for stage, steps in stages.items():
        lines.append(f'  subgraph stage_{stage}["{stage}"]')
        for step in steps:
            lines += _boxes(step)
        lines.append("  end")
    for steps in stages.values():
        for step in steps:
            lines += [f"  {edge}" for edge in _edges(step, settings)]
    return "\n".join([*lines, "```", ""])


def assets(stages: Stages, settings: Settings) -> str:
    """Describe every asset: what it is, what it reads, its columns and the rules of its gate."""
    parts = [_HEAD]
    for stage, steps in stages.items():
        parts.append(f"## {stage}\n")
        for step in steps:
            parts += [_entry(step, name, output, settings) for name, output in step.outputs.items()]
    return "\n".join(parts)


def _boxes(step: Step) -> Iterator[str]:
    if len(step.outputs) == 1:
        yield from (f"    {name}[{name}]" for name in step.outputs)
        return
    yield f'    subgraph step_{step.name}["{step.name}: published together"]'
    yield from (f"      {name}[{name}]" for name in step.outputs)
    yield "    end"


def _edges(step: Step, settings: Settings) -> Iterator[str]:
    for upstream, days in step.inputs(settings).items():
        label = f'|"{_in_days(days)}"|' if days.first or days.last else ""
        yield from (f"{upstream} -->{label} {name}" for name in step.outputs)


def _in_days(days: Days) -> str:
    first, last = (f"{day}".replace("-", "\N{MINUS SIGN}") for day in (days.first, days.last))
    return f"day {first}" if first == last else f"days {first} … {last}"


def _entry(step: Step, name: str, output: Output, settings: Settings) -> str:
    return "\n".join(
        [
            f"### {name}\n",
            f"{output.description}\n",
            f"- Reads: {_inputs(step, settings)}",
            f"- Made by: step `{step.name}`, code version {step.code_version}{_with_settings(step)}",
            f"- File: `.{output.suffix}`" + (f", {_NOT_TABLES[output.suffix]}" if output.suffix in _NOT_TABLES else ""),
            "",
            *_columns(output, settings),
            *_rules(output.gate.all_rules(settings)),
        ]
    )


def _inputs(step: Step, settings: Settings) -> str:
    inputs = step.inputs(settings)
    shown = [f"`{name}`" + (f" ({_in_days(days)})" if days.first or days.last else "") for name, days in inputs.items()]
    return ", ".join(shown) or "imported files"


def _with_settings(step: Step) -> str:
    return f", settings {', '.join(f'`{section}`' for section in step.reads)}" if step.reads else ""


def _columns(output: Output, settings: Settings) -> Iterator[str]:
    if output.gate.columns is None:
        return
    said = meanings(settings)
    alike: dict[tuple[str, str, str], list[str]] = {}
    for name, dtype in output.gate.columns(settings).items():
        alike.setdefault((in_short(dtype), said[name].unit, said[name].text), []).append(f"`{name}`")
    yield from ("| column | dtype | unit | what it holds |", "|---|---|---|---|")
    for (dtype, unit, text), names in alike.items():
        shown = ", ".join(names) if len(names) <= SHOWN else f"{names[0]} … {names[-1]}"
        yield f"| {shown} | `{dtype}` | {unit} | {text} |"
    yield ""


def _rules(rules: Sequence[Rule]) -> Iterator[str]:
    yield from ("| rule of the gate | is true when |", "|---|---|")
    yield from (f"| `{rule.name}` | `{_limits(rule)}` |" for rule in rules)
    yield ""


def _limits(rule: Rule) -> str:
    if rule.minimum == rule.maximum:
        return f"{rule.measure} = {rule.minimum:g}"
    if rule.maximum is None:
        return f"{rule.measure} >= {rule.minimum:g}"
    low = "" if rule.minimum is None else f"{rule.minimum:g} <= "
    return f"{low}{rule.measure} <= {rule.maximum:g}"


def main() -> None:
    """Write every generated document."""
    for path, text in documents(default_settings()).items():
        path.write_text(text)


if __name__ == "__main__":
    main()
