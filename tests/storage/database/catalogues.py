"""Catalogues of either kind for tests of their schema: made, copied, filled, and read from end to end."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from postgres_server import SUPERUSER, PostgresServer
from pydantic import SecretStr

from trading_assets.serving.tables import PARTS
from trading_assets.settings import Settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import migrating, upgrade_catalog
from trading_assets.storage.database.roles import ROLES, named
from trading_assets.storage.database.schema import VERSION_TABLE

MIGRATIONS: Final = Path(__file__).resolve().parents[3] / "migrations"
SCHEMA_NAME: Final = "development"
_numbers = count()


def database_of(settings: Settings) -> str:
    return sa.make_url(settings.catalog.url.get_secret_value()).database or ""


def pointed_at(settings: Settings, url: str, **catalog: float) -> Settings:
    """Return settings with the catalogue elsewhere."""
    section = settings.catalog.model_copy(update={"url": SecretStr(url), **catalog})
    return settings.model_copy(update={"catalog": section})


@dataclass(frozen=True)
class Databases:
    """Databases and logins of one server."""

    server: PostgresServer
    settings: Settings

    def made(self, *, template: str = "template1") -> str:
        """Make a database, empty or like another one, and return its name."""
        name = f"catalogue_{next(_numbers)}"
        self.server.run_sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def migrated(self) -> str:
        """Return a database with the newest schema, which is made once, and to which nobody is connected."""
        name = "catalogue_migrated"
        if not self.server.run_sql("SELECT 1 FROM pg_database WHERE datname = %s", name):
            self.server.run_sql(f"CREATE DATABASE {name}")
            engine = self.engine(name)
            upgrade_catalog(engine, MIGRATIONS)
            engine.dispose()
        return name

    def settings_for(self, database: str, user: str = SUPERUSER, **catalog: float) -> Settings:
        return pointed_at(self.settings, self.server.socket_url(database=database, user=user), **catalog)

    def engine(self, database: str, user: str = SUPERUSER) -> sa.Engine:
        return open_engine(self.settings_for(database, user))

    def login(self, *roles: str, can: str = "") -> str:
        """Make a user who is a member of some of the roles, and return the name."""
        name = f"user_{next(_numbers)}"
        self.server.run_sql(f"CREATE ROLE {name} LOGIN {can}")
        for role in roles:
            self.server.run_sql(f"GRANT {named(SCHEMA_NAME, role)} TO {name}")
        return name

    def forget_roles(self) -> None:
        """Remove all databases made here, and the roles, so that the next upgrade is the server's first."""
        for (name,) in self.server.run_sql("SELECT datname::text FROM pg_database"):
            if name.startswith("catalogue_"):
                self.server.run_sql(f"DROP DATABASE {name} WITH (FORCE)")
        for role in ROLES:
            self.server.run_sql(f"DROP ROLE IF EXISTS {named(SCHEMA_NAME, role)}")


class Kind(Protocol):
    """How catalogues of one kind are made and copied."""

    def settings(self, template: "Settings | None" = None) -> Settings:
        """Return settings of a catalogue that is empty, or a copy of another to which nobody is connected."""
        ...

    def remove(self, settings: Settings) -> None:
        """Remove a catalogue, and the roles if no other has them."""
        ...


@dataclass(frozen=True)
class File:
    """Catalogues that are files."""

    base: Settings
    folder: Path

    def settings(self, template: Settings | None = None) -> Settings:
        path = self.folder / f"{next(_numbers)}.sqlite"
        if template is not None and Path(database_of(template)).exists():
            shutil.copyfile(database_of(template), path)
        return pointed_at(self.base, f"sqlite:///{path}")

    def remove(self, settings: Settings) -> None:
        for path in self.folder.glob(f"{Path(database_of(settings)).name}*"):
            path.unlink()


@dataclass(frozen=True)
class Server:
    """Catalogues that are databases of one server."""

    databases: Databases

    def settings(self, template: Settings | None = None) -> Settings:
        of = "template1" if template is None else database_of(template)
        return self.databases.settings_for(self.databases.made(template=of))

    def remove(self, settings: Settings) -> None:
        server = self.databases.server
        server.run_sql(f"DROP DATABASE {database_of(settings)} WITH (FORCE)")
        with suppress(psycopg.errors.DependentObjectsStillExist):
            for role in ROLES:
                server.run_sql(f"DROP ROLE IF EXISTS {named(SCHEMA_NAME, role)}")


@dataclass
class Chain:
    """Alembic's commands on one catalogue, each in a transaction of its own, as an upgrade is."""

    engine: sa.Engine
    config: Config = field(default_factory=Config)

    def __post_init__(self) -> None:
        self.config.set_main_option("script_location", str(MIGRATIONS))

    def up(self, revision: str) -> None:
        with migrating(self.engine) as connection:
            self.config.attributes["connection"] = connection
            command.upgrade(self.config, revision)

    def down(self, revision: str) -> None:
        with migrating(self.engine) as connection:
            self.config.attributes["connection"] = connection
            command.downgrade(self.config, revision)


@dataclass(frozen=True)
class Ended:
    """How upgrades in processes of their own ended: each by a signal, or not, and what they said."""

    statuses: list[int]
    errors: str


@dataclass(frozen=True)
class Upgrades:
    """A warm process whose children upgrade; see `upgrade_server`."""

    process: "subprocess.Popen[str]"

    def run(self, *settings: Settings, kill_at: int | None = None, max_file_bytes: int | None = None) -> Ended:
        """Upgrade some catalogues at once, or one several times."""
        places = [(str(each.root), each.catalog.url.get_secret_value()) for each in settings]
        order = {"places": places, "kill_at": kill_at, "max_file_bytes": max_file_bytes}
        self.process.stdin.write(json.dumps(order) + "\n")  # type: ignore[union-attr]  # it has a pipe
        self.process.stdin.flush()  # type: ignore[union-attr]  # see above
        return Ended(**self.answer())

    def answer(self) -> Any:
        return json.loads(self.process.stdout.readline())  # type: ignore[union-attr]  # see above


@contextmanager
def upgrade_server() -> Iterator[Upgrades]:
    """Start the process, and end it."""
    here = Path(__file__).parent
    folders = (here, here.parents[1] / "servers", MIGRATIONS.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, str(here / "upgrade_server.py")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            upgrades = Upgrades(process)
            assert upgrades.answer() == "ready"
            yield upgrades
        finally:
            process.kill()


Content = dict[str, list[dict[str, Any]]]


def content(engine: sa.Engine) -> Content:
    """Return every row of every table, sorted, in the words of Python."""
    metadata = sa.MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        return {
            table.name: sorted((_plain(row._mapping) for row in connection.execute(sa.select(table))), key=str)
            for table in metadata.sorted_tables
            if table.name not in {VERSION_TABLE, *PARTS}
        }


def shared(one: Content, other: Content) -> Iterator[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]:
    """Yield of each table that both have the columns that both have."""
    for table in one.keys() & other.keys():
        names = {name for row in one[table] for name in row} & {name for row in other[table] for name in row}
        yield table, _only(one[table], names), _only(other[table], names)


def fill(engine: sa.Engine, *, seed: int = 0) -> None:
    """Add rows of each kind to every table that there is, whatever its schema."""
    metadata = sa.MetaData()
    with migrating(engine) as connection:
        metadata.reflect(connection)
        for table in metadata.sorted_tables:
            if table.name not in {VERSION_TABLE, *PARTS}:
                for n in range(1, 4):
                    _insert(connection, table, 10 * seed + n)


def _insert(connection: sa.Connection, table: sa.Table, n: int) -> None:
    """Add a row of distinct values; every second one leaves out what it can."""
    row = {
        column.name: _value(column, n)
        for column in table.columns
        if not column.nullable or (n % 2 and column.name != "reported_at")
    }
    connection.execute(sa.insert(table).values(row))


def _value(column: sa.Column[Any], n: int) -> Any:
    if column.foreign_keys or (column.primary_key and isinstance(column.type, sa.Integer)):
        return n
    values = {
        sa.Boolean: n % 2 == 0,
        sa.DateTime: datetime(2024, 8, 8, 12, n // 60, n % 60, 250_000, tzinfo=UTC),
        sa.Date: date(2024, 8, n % 28 + 1),
        sa.JSON: [["captures", "2024-08-08", "é" * n]],
        sa.Integer: 2**30 + n,
        sa.Float: n / 3,
    }
    for kind, value in values.items():
        if isinstance(column.type, kind):
            return 2**40 + n if isinstance(column.type, sa.BigInteger) else value
    return f"{column.name[:20]} “{n}”"[: getattr(column.type, "length", None)]


def _plain(row: Any) -> dict[str, Any]:
    return {
        name: value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value
        for name, value in row.items()
    }


def _only(rows: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    return sorted(({name: row[name] for name in sorted(names)} for row in rows), key=str)
