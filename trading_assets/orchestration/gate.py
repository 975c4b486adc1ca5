"""The gate: Polars measures a staged file, Great Expectations judges the measures, nothing else publishes.

A measure is one number about the file ("n_crossed"); a rule is a statement that is true when the number lies
within its limits ("book_is_not_crossed"). The gate fails closed: a measure that is missing, null or not finite,
an error while measuring or judging, and a time-out all refuse the file.

Belongs here: rules, their judgement, fail-closed handling.
Does not: what is measured for which table (each stage's checks.py), Great Expectations itself (expectations).
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import polars as pl

from trading_assets.identifiers import Partition
from trading_assets.orchestration.expectations import outside
from trading_assets.settings import Settings
from trading_assets.storage.formats import Published, open_published
from trading_assets.storage.records import Draft, Judgement

Measures = Mapping[str, float | int | None]
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement about one measure, true when `minimum <= measure <= maximum`."""

    name: str
    measure: str
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if self.minimum is None and self.maximum is None:
            raise ValueError(f"rule {self.name} has no limit: it could not fail")

    def judged(self, value: float | None, *, passed: bool) -> Judgement:
        """Return the judgement of a value by this rule."""
        return Judgement(self.name, self.measure, value, self.minimum, self.maximum, passed)


def none_of(name: str, measure: str) -> Rule:
    """State that a count of offences is zero."""
    return Rule(name, measure, minimum=0, maximum=0)


@dataclass(frozen=True, slots=True)
class Audit:
    """What a measure may look at: the staged file, and what it was made from."""

    staged: Any
    """The staged file as a reader would get it: LazyFrame, path or bytes."""
    inputs: Mapping[str, Any]
    """Everything the step was given, by parameter name: published inputs, opened anew or not, and services."""
    evidence: Mapping[str, Any]
    """What the step itself says beside its outputs: to be held against them, never believed alone."""
    settings: Settings
    partition: Partition


@dataclass(frozen=True, slots=True)
class Gate:
    """The suite of one asset: its declared columns, its measures and the rules over them."""

    measure: Callable[[Audit], Measures]
    rules: Callable[[Settings], Sequence[Rule]]
    columns: Callable[[Settings], Mapping[str, pl.DataType]] | None = None
    offenders: Callable[[Audit], pl.DataFrame] | None = None
    """A few rows that break a rule, for people to look at."""
    causes: Callable[[Audit], Mapping[str, str]] | None = None
    """What it means that a measure is outside its limits, and the way out; of measures whose name does not say it."""

    def all_rules(self, settings: Settings) -> list[Rule]:
        """Return the rules, the one about columns first."""
        shape = [none_of("columns_are_as_declared", "n_column_differences")] if self.columns else []
        return [*shape, *self.rules(settings)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer about one draft."""

    judgements: tuple[Judgement, ...]
    reason: str | None
    """Why it was refused, in one line; None when it passed."""
    offenders: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def passed(self) -> bool:
        """Whether the draft may be published."""
        return self.reason is None


def audit(draft: Draft, gate: Gate, about: Callable[[Published], Audit], settings: Settings) -> Verdict:
    """Judge one staged file; never raises, never passes by accident."""
    limit_s = settings.gate.timeout_s
    rules = _within(limit_s, lambda: gate.all_rules(settings))
    if isinstance(rules, BaseException):
        return _refused_by([], rules)
    verdict = _within(limit_s, lambda: _judge(draft, gate, rules, about, settings))
    return verdict if isinstance(verdict, Verdict) else _refused_by(rules, verdict)


def _refused_by(rules: Sequence[Rule], error: BaseException) -> Verdict:
    blank = tuple(rule.judged(None, passed=False) for rule in rules)
    return Verdict(blank, f"the gate itself failed, so the file is refused: {type(error).__name__}: {error}")


def _judge(
    draft: Draft,
    gate: Gate,
    rules: Sequence[Rule],
    about: Callable[[Published], Audit],
    settings: Settings,
) -> Verdict:
    case = about(open_published(draft.file.path, draft.suffix))
    measures: dict[str, float | int | None] = {}
    differences = _column_differences(case.staged, gate.columns(settings)) if gate.columns else []
    if gate.columns:
        measures["n_column_differences"] = len(differences)
    if not differences:
        measures |= gate.measure(case)
    judgements = expect(measures, rules)
    failed = [j for j in judgements if not j.passed]
    if not failed:
        return Verdict(judgements, None)
    causes = {} if differences else _causes(gate, case)
    said = "; ".join(_in_words(j) + (f": {causes[j.measure]}" if j.measure in causes else "") for j in failed)
    rows = pl.DataFrame() if differences else _offending(gate, case)
    return Verdict(judgements, said + (f" ({', '.join(differences)})" if differences else ""), rows)


def _offending(gate: Gate, case: Audit) -> pl.DataFrame:
    """Return rows to look at; the judgements stand, whatever happens while looking for them."""
    try:
        return gate.offenders(case) if gate.offenders else pl.DataFrame()
    except Exception:  # noqa: BLE001 - an illustration must not hide the numbers it illustrates
        return pl.DataFrame()


def _causes(gate: Gate, case: Audit) -> Mapping[str, str]:
    """Return what measures mean; the judgements stand, whatever happens while looking for it."""
    try:
        return gate.causes(case) if gate.causes else {}
    except Exception:  # noqa: BLE001 - words must not hide the numbers that they are about
        return {}


def expect(measures: Measures, rules: Sequence[Rule]) -> tuple[Judgement, ...]:
    """Judge measures by rules; one that is absent, NaN or infinite has not passed."""
    values = [_finite(measures.get(rule.measure)) for rule in rules]
    broken = outside(values, [rule.minimum for rule in rules], [rule.maximum for rule in rules])
    return tuple(
        rule.judged(value, passed=n not in broken) for n, (rule, value) in enumerate(zip(rules, values, strict=True))
    )


def _column_differences(staged: Published, declared: Mapping[str, pl.DataType]) -> list[str]:
    found = staged.collect_schema() if isinstance(staged, pl.LazyFrame) else pl.Schema()
    missing = [f"{name} is missing" for name in declared if name not in found]
    extra = [f"{name} is not declared" for name in found if name not in declared]
    wrong = [f"{n} is {found[n]}, not {t}" for n, t in declared.items() if n in found and found[n] != t]
    return missing + extra + wrong


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _in_words(judgement: Judgement) -> str:
    low, high = judgement.minimum, judgement.maximum
    wanted = (
        f"= {low:g}"
        if low == high and low is not None
        else " and ".join(
            part
            for part in (f">= {low:g}" if low is not None else "", f"<= {high:g}" if high is not None else "")
            if part
        )
    )
    value = "unknown" if judgement.value is None else f"{judgement.value:g}"
    return f"{judgement.rule}: {judgement.measure} is {value}, wanted {wanted}"


def _within(seconds: float, work: Callable[[], _Answer]) -> _Answer | BaseException:
    """Run `work` in a thread that cannot outlive its welcome: past the limit its answer counts for nothing.

    What it raises is returned: an exit that is asked for inside the gate ends the verdict and not the process.
    """
    box: list[_Answer | BaseException] = []

    def run() -> None:
        try:
            box.append(work())
        except BaseException as error:  # noqa: BLE001 - handed over to the waiting thread, which refuses
            box.append(error)

    thread = threading.Thread(target=run, name="gate", daemon=True)
    thread.start()
    thread.join(seconds)
    return box[0] if box else TimeoutError(f"no verdict within {seconds:g} s (settings: gate.timeout_s)")
