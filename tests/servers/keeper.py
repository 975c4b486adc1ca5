"""A process that outlives the tests for a moment: when they are gone, however they went, so are their servers.

It is told the folder with all servers of a session. The session holds the other end of its standard input, which the
system closes with the session, killed or not.
"""

import shutil
import sys
from pathlib import Path

from processes import free_memory, kill_family, postmaster_of


def clear(folder: Path) -> None:
    """Kill every server under a folder, and remove the folder."""
    for data in folder.glob("*/data"):
        if postmaster := postmaster_of(data):
            kill_family(postmaster)
        free_memory(data)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.read()
    clear(Path(sys.argv[1]))
