"""A report is about what the graph published, so its tests share the graph's simulated days."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "orchestration"))
