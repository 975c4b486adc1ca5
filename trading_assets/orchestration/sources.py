"""The sources of this package, so that what was made can be made again by the same ones.

Belongs here: their digests, and the text that is recorded of them. Does not: code versions of steps (step), which a
person changes.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from trading_assets.models.commit import code_commit

PACKAGE: Final = Path(__file__).resolve().parents[1]


class Sources(NamedTuple):
    """What code a process runs."""

    digest: str
    text: str
    """JSON: the git commit, if there is one, and the md5 of every source file by its path within the package."""


def files_of(package: Path) -> dict[str, str]:
    """Return the md5 of every source file of a package, by its path within."""
    return {
        path.relative_to(package).as_posix(): hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in sorted(package.rglob("*.py"))
    }


@cache
def sources() -> Sources:
    """Return what code this process runs, as it was when this was first asked."""
    files = files_of(PACKAGE)
    digest = hashlib.md5(json.dumps(files).encode(), usedforsecurity=False).hexdigest()
    return Sources(digest, json.dumps({"commit": code_commit(), "files": files}))
