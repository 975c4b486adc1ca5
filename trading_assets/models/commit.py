"""Which git commit the running code is.

Belongs here: asking git about this package's own files. Does not: code versions of steps (orchestration/step.py).
"""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).resolve().parents[1]
_GIT_TIMEOUT_S: Final = 10.0


@cache
def code_commit(package: Path = PACKAGE) -> str | None:
    """Return the commit that a package's files are of, ending in `-dirty` when a file was changed or added since.

    None where that cannot be said: no git, no commit, or files that git does not track, as in an installed package.
    """
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = _git(package, "rev-parse", "HEAD"), _git(package, "status", "--porcelain", "--", ".")
    if commit is None or changes is None:
        return None
    return f"{commit}-dirty" if changes else commit


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_GIT_TIMEOUT_S)  # noqa: S603 - our own arguments, no shell
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
