"""The feature dictionary, docs/features.md, written from the registry and the docstrings.

Belongs here: turning what the code says about a feature into a document.
Does not: saying it; that is each feature's docstring. To renew the document, in Python at the project's root:
`Path("docs/features.md").write_text(dictionary.dictionary())`.
"""

import inspect
import re
from typing import Final

from trading_assets.features.grid import SILENCE_S
from trading_assets.features.registry import REGISTRY, Feature
from trading_assets.sections import FeatureSettings

FIELDS: Final = ("Formula", "Unit", "Source")

_HEAD: Final = """\
# Features

Written from the code by `trading_assets.features.dictionary`; a test fails when it is not current. Names are those of
the default settings: grid {grid_s:g} s, {levels} levels, windows {windows}.

One row a tick g of the grid (`ts_grid`: whole multiples of `features.grid_s` since the epoch). Rules for all features:

- **The past only.** A value at g is made of book rows and trades received by g (`ts_recv` <= g) and of gaps known by
  g (`ts_known` <= g). A window w is (g - w, g].
- **Ticks.** From the first book row to the last, every tick at which the last book row is at most {silence_s} s old;
  a longer silence has no ticks, and windows start anew after it.
- **Null** means not known, and nothing else does: a tick inside a known gap of the book, an invalid book row, a window
  that touches a known gap (trade features: a gap of the trades) or reaches back before the recording (warm-up), 0/0.
  No value is NaN or infinite. A window known to be empty has count and volume 0.
- **Fewer levels.** Features over several levels count those that the book has; a single level that it does not have
  is null.
"""


def dictionary() -> str:
    """Return the document as Markdown, under the default settings."""
    settings = FeatureSettings()
    windows = ", ".join(f"{seconds:g} s" for seconds in settings.windows_s)
    head = _HEAD.format(grid_s=settings.grid_s, levels=settings.levels, windows=windows, silence_s=SILENCE_S)
    return "\n".join([head, *(_entry(feature, settings) for feature in REGISTRY)])


def described(feature: Feature) -> dict[str, str]:
    """Return what a feature's docstring says: `Meaning`, `Formula`, `Unit` and `Source`.

    Raises:
        ValueError: the docstring leaves one of them out.
    """
    text = inspect.getdoc(feature.build) or ""
    meaning, *fields = re.split(rf"^({'|'.join(FIELDS)}): ", text, flags=re.MULTILINE)
    found = {"Meaning": meaning, **dict(zip(fields[::2], fields[1::2], strict=True))}
    if lacking := [name for name in ("Meaning", *FIELDS) if not found.get(name, "").strip()]:
        raise ValueError(f"the docstring of {feature.build.__qualname__} has no {', '.join(lacking)}")
    return {name: " ".join(value.split()) for name, value in found.items()}


def _entry(feature: Feature, settings: FeatureSettings) -> str:
    words = described(feature)
    names = ", ".join(f"`{name}`" for name in feature.names(settings))
    low = "" if feature.low is None else f"{feature.low:g} <= "
    high = "" if feature.high is None else f" <= {feature.high:g}"
    bounds = f"{low}value{high}" if low or high else "any number"
    lines = [
        f"## {feature.build.__name__}\n",
        f"{words['Meaning']}\n",
        f"- Columns: {names}",
        f"- Formula: {words['Formula']}",
        f"- Unit: {words['Unit']}, {feature.dtype}; {bounds}",
        f"- Source: {words['Source']} (`{feature.build.__module__}`)\n",
    ]
    return "\n".join(lines)
