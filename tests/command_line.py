"""The command line as a person uses it, in this process: a private project to be unkind to, and what a command said."""

import atexit
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from catalogs import URL, copy_catalog, fresh_catalog, settings_in
from loguru import logger

from trading_assets.cli.main import main
from trading_assets.orchestration.bootstrap import prepare
from trading_assets.settings import current_settings

PROJECT = Path(__file__).resolve().parents[1]
KEY_8 = "2024-08-08|BTCUSDT.BINANCE"
KEY_9 = "2024-08-09|BTCUSDT.BINANCE"


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def is_one_plain_line(self) -> bool:
        """Whether it failed with exactly one printable line on standard error and nothing of ours above it."""
        line = self.err.removesuffix("\n")
        return self.code != 0 and line.isprintable() and line.startswith("error: ") and "Traceback" not in line


class CommandLine:
    """Runs `trading-assets` in a private project root."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        if url := fresh_catalog(root):
            monkeypatch.setenv(URL, url)

    def __call__(self, *arguments: str | Path) -> Said:
        self._monkeypatch.setenv("TRADING_ASSETS_ROOT", str(self.root))
        self._monkeypatch.setenv("DAGSTER_HOME", "")  # the command sets it; the test's end takes it back
        self._monkeypatch.setattr(sys, "argv", ["trading-assets", *map(str, arguments)])
        current_settings.cache_clear()
        self._capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            current_settings.cache_clear()
            logger.remove()
            logger.enable("trading_assets.orchestration.execute")
        said = self._capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    def versions(self) -> dict[tuple[str, str], str]:
        """The state of every asset of every partition, with its version, as `status` shows them."""
        cells = [line.split("│") for line in self("status").out.splitlines() if line.startswith("│")]
        return {(row[1].strip(), row[2].strip()): f"{row[3].strip()} {row[5].strip()}".strip() for row in cells}

    def files(self) -> set[str]:
        """Everything in the project outside `var`."""
        return {
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if path.relative_to(self.root).parts[0] not in {"var", "migrations"}
        }


def new_project(folder: Path) -> Path:
    """Make a private project: the checked-in configuration, its stores made, and nothing recorded yet."""
    copy_catalog(_prepared(), folder)
    return Path(shutil.copytree(_prepared(), folder, symlinks=True))


@cache
def _prepared() -> Path:
    """Make the stores once, which takes seconds; every project is a copy."""
    folder = Path(mkdtemp(prefix="trading-assets-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("settings.toml", "workspace.yaml", "dagster.yaml"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / "migrations").symlink_to(PROJECT / "migrations")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", "")  # prepare sets it
        prepare(settings_in(folder, project=folder))
    return folder
