"""A report is about what the graph published, so its tests share the simulated days of the graph and of the models."""

import sys
from pathlib import Path

for folder in ("orchestration", "models"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / folder))
