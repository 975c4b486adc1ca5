import subprocess
from pathlib import Path

import pytest

from trading_assets.models.commit import code_commit


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A checkout with one committed package."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "--quiet", "--message", "first")
    return package


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_clean_checkout_is_its_commit(package: Path) -> None:
    assert git(package, "rev-parse", "HEAD") == code_commit(package)


@pytest.mark.parametrize("name", ["__init__.py", "new.py"])
def test_a_changed_or_new_file_makes_it_dirty(package: Path, name: str) -> None:
    (package / name).write_text("x = 1\n")

    assert f"{git(package, 'rev-parse', 'HEAD')}-dirty" == code_commit(package)


def test_changes_beside_the_package_do_not_count(package: Path) -> None:
    (package.parent / "notes.md").write_text("")

    assert git(package, "rev-parse", "HEAD") == code_commit(package)


def test_a_package_that_git_does_not_track_has_no_commit(package: Path) -> None:
    installed = package.parent / "site-packages"
    installed.mkdir()
    (installed / "__init__.py").write_text("")

    assert code_commit(installed) is None


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert code_commit(tmp_path) is None


def test_without_git_there_is_no_commit(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert code_commit(package) is None
