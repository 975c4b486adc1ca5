"""What DVC shows of an experiment beside another: scores of its newest models, and two plots of them.

Belongs here: `dvc metrics` and `dvc plots` as files. Does not: scores themselves (models/evaluate).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from trading_assets.experiments.manifest import FOLDER
from trading_assets.identifiers import Partition
from trading_assets.models.document import ModelDocument
from trading_assets.schema import horizon
from trading_assets.storage.formats import Published

METRICS: Final = "metrics.json"
CALIBRATION: Final = "calibration.json"
IMPORTANCES: Final = "importances.json"
_MEASURES: Final = ("r2", "r2_low", "correlation", "hit_rate")


def write_figures(root: Path, models: Sequence[tuple[Partition, Published]]) -> None:
    """Write scores on unseen time, calibration and importances of the booster of each instrument's newest model.

    `metrics.json` holds `{instrument: {horizon: {measure: value}}}`; the plots are lists of points.
    """
    newest = {
        str(partition.instrument): ModelDocument.from_bytes(content)
        for partition, content in sorted(models, key=lambda each: each[0])
        if isinstance(content, bytes)
    }
    metrics: dict[str, Any] = {}
    calibration: list[dict[str, Any]] = []
    importances: list[dict[str, Any]] = []
    for instrument, document in newest.items():
        for model in document.horizons:
            spelled, score = horizon(model.horizon_s), model.evaluation.scores["booster"]
            measured = {name: getattr(score, name) for name in _MEASURES}
            metrics.setdefault(instrument, {})[spelled] = {k: v for k, v in measured.items() if v is not None}
            about = {"model": f"{instrument} {spelled}"}
            calibration += [
                {**about, "forecast_bps": group.mean_forecast_bps, "realised_bps": group.mean_realised_bps}
                for group in model.evaluation.calibration
            ]
            importances += [
                {**about, "feature": each.feature, "gain_share": each.gain_share} for each in model.importances
            ]
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    for name, values in ((METRICS, metrics), (CALIBRATION, calibration), (IMPORTANCES, importances)):
        (folder / name).write_text(json.dumps(values, indent=1) + "\n")
