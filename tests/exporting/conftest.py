"""The other libraries, in an environment of their own."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def peers_python() -> Path:
    """The Python that has hftbacktest and NautilusTrader."""
    python = Path(os.environ.get("PEERS_VENV", PROJECT / ".venv-peers")) / "bin" / "python"
    if not python.exists():
        # they need older releases of NumPy than we do
        pytest.skip(f"no {python}: `make peers` installs it (or set PEERS_VENV to its folder)")
    return python
