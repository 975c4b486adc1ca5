"""Fixtures that more than one folder of tests needs."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real captures, kept beside the project and never inside it."""
    folder = Path(os.environ.get("TRADING_ASSETS_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real captures at {folder}: set TRADING_ASSETS_SHARED_DATA to their folder")
    return folder
