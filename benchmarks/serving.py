"""Loading a published day into the tables of consumers, on a real server that loses nothing it committed.

    python benchmarks/serving.py [ROUNDS]

Belongs here: the server, and who takes part. Does not: how each loads (contenders/serving).
"""

import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "servers")]

from benchmarks.race import Entry, Result, race  # noqa: E402 - it is run as a script, too

ROWS: Final = 100_000
ROUNDS: Final = 5
NAME: Final = "serve"
TITLE: Final = "published features → rows of consumers on Postgres, committed"
ABOUT: Final = f"{ROWS:,} rows of 69 columns"
ENTRIES: Final = tuple(
    Entry(label, "serving", name, is_ours=True)
    for label, name in (
        ("trading_assets, binary COPY by pgpq", "ours"),
        ("psycopg, binary COPY by `write_row`", "write_row"),
        ("SQLAlchemy Core, executemany", "executemany"),
        ("SQLAlchemy ORM, bulk insert", "orm"),
    )
)
CONFIGURATION: Final[dict[str, Any]] = {"shared_buffers": "256MB", "max_wal_size": "4GB", "wal_buffers": "16MB"}
"""The last as it is by itself where segments of the log have their usual size; those of the tests are small."""


def measure(python: Path, *, rounds: int = ROUNDS) -> list[Result]:
    """Load a day of 100,000 ticks each round, by turns, each contender into a database of its own."""
    postgres = import_module("postgres_server")
    with postgres.postgres_server(durable=True, **CONFIGURATION) as server, TemporaryDirectory() as folder:
        _make_roles(server.socket_url())
        given = {
            "admin": server.socket_url().replace("+psycopg", ""),
            "url": server.socket_url(database="{database}"),
            "folder": folder,
            "days": rounds + 1,
        }
        return race(ENTRIES, given, {True: python}, rounds=rounds)


def _make_roles(url: str) -> None:
    """Upgrade one database before the contenders do so at once: roles belong to the server."""
    from pydantic import SecretStr  # noqa: PLC0415 - start-up is measured without

    from trading_assets.settings import load_settings  # noqa: PLC0415 - the same
    from trading_assets.storage.database.engines import open_engine  # noqa: PLC0415 - the same
    from trading_assets.storage.database.migrate import upgrade_catalog  # noqa: PLC0415 - the same

    settings = load_settings(PROJECT, environment="development")
    catalog = settings.catalog.model_copy(update={"url": SecretStr(url)})
    with TemporaryDirectory() as folder:
        engine = open_engine(settings.model_copy(update={"root": Path(folder), "catalog": catalog}))
        upgrade_catalog(engine, PROJECT / "migrations")
        engine.dispose()


def main() -> None:
    """Print a line for each contender."""
    for each in measure(Path(sys.executable), rounds=int(sys.argv[1]) if sys.argv[1:] else ROUNDS):
        rates = ", ".join(f"{ROWS / seconds:,.0f}" for seconds in each.seconds)
        print(f"{each.label}: {ROWS / each.median:,.0f} rows/s (median of {rates}), {each.peak_bytes / 2**20:,.0f} MiB")


if __name__ == "__main__":
    main()
