"""What one page says: its sections, their tables and pictures, and the answers on its first screen.

Belongs here: plain records, ready to be shown. Does not: where they come from (gather, pictures, verdict).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trading_assets.identifiers import Partition
from trading_assets.models.document import ModelDocument
from trading_assets.models.evaluate import Score
from trading_assets.orchestration.plan import Standing
from trading_assets.storage.records import Judgement
from trading_assets.storage.upkeep.quarantine import Refused

Level = Literal["good", "care", "bad", "none"]


@dataclass(frozen=True, slots=True)
class Picture:
    """One image, and a sentence for those who cannot see it."""

    caption: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused file with how its rules judged it, the failed ones first."""

    file: Refused
    judgements: Sequence[Judgement]

    @property
    def failed(self) -> list[Judgement]:
        """The rules it broke; none where only another file of its pass did."""
        return [judgement for judgement in self.judgements if not judgement.passed]


@dataclass(frozen=True, slots=True)
class Worth:
    """What one learner was worth at one horizon."""

    horizon_s: float
    learner: str
    score: Score


@dataclass(frozen=True, slots=True)
class Gap:
    """One row of the ledger, as text."""

    cause: str
    start: str
    end: str
    seconds: float | None
    seq_before: int | None
    seq_after: int | None


@dataclass(slots=True)
class Section:
    """One day of one instrument."""

    partition: Partition
    standings: Sequence[Standing]
    facts: dict[str, str] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    left_out: str = ""
    """Why there are no pictures; empty where there are."""
    gaps: Sequence[Gap] = ()
    n_gaps: int | None = None
    """None where no ledger can be shown."""
    is_of_refused: bool = False
    """Whether ledger and pictures of the raw tables are those of a refused pass, because none was published."""
    rules: Mapping[str, Sequence[Judgement]] = field(default_factory=dict)
    """How the rules judged what stands, by asset, the failed ones first."""
    refusals: Sequence[Refusal] = ()
    model: ModelDocument | None = None
    realised: Sequence[Worth] = ()
    damaged: list[str] = field(default_factory=list)
    """Published files whose bytes are not those that were published."""

    @property
    def anchor(self) -> str:
        """Where on the page it is."""
        return f"{self.partition.instrument}-{self.partition.day}"

    @property
    def level(self) -> Level:
        """How much it wants a person."""
        states = {standing.state.value for standing in self.standings}
        if self.damaged or "quarantined" in states:
            return "bad"
        return "care" if states & {"missing", "stale"} else "good"

    @property
    def worth(self) -> list[Worth]:
        """The model's own scores, of the learners that take a view."""
        return [
            Worth(model.horizon_s, learner, model.evaluation.scores[learner])
            for model in (self.model.horizons if self.model else ())
            for learner in ("booster", "linear")
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """A question a person asks first, and what can be said."""

    question: str
    level: Level
    short: str
    reasons: Sequence[str]
