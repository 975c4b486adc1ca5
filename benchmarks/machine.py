"""What the numbers were measured on.

Belongs here: processor, memory, versions. Does not: any measurement.
"""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

OURS: Final = ("numpy", "numba", "polars", "pyarrow", "isal", "dagster", "sqlalchemy", "psycopg", "pgpq")
PEERS: Final = (
    *("hftbacktest", "nautilus_trader", "orjson", "msgspec", "pysimdjson", "sortedcontainers"),
    *("pandas", "duckdb", "numpy", "numba", "pyarrow", "isal"),
)
_ASK: Final = """
import json, platform, sys
from importlib.metadata import version
print(json.dumps({"python": platform.python_version()} | {name: version(name) for name in sys.argv[1:]}))
"""


def machine(pythons: dict[bool, Path]) -> dict[str, Any]:
    """Describe this machine and both environments."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "load_average": round(os.getloadavg()[0], 2),
        "commit": _commit(),
        "ours": _versions(pythons[True], OURS),
        "peers": _versions(pythons[False], PEERS),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - git
    return done.stdout.strip() or "unknown"


def _versions(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    done = subprocess.run([str(python), "-c", _ASK, *names], capture_output=True, text=True, check=True)  # noqa: S603 - our own question
    versions: dict[str, str] = json.loads(done.stdout)
    return versions
