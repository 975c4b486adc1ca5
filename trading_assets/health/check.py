"""Whether the catalogue is as it should be: its schema, its tables, and the servers it is on.

Belongs here: looking. Does not: changing anything (migrate), or the data that the catalogue names (verification).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from trading_assets.health.inspection import check_catalog
from trading_assets.settings import Settings
from trading_assets.storage.database.engines import POSTGRES, catalog_url, open_engine, open_for_looking
from trading_assets.storage.database.faults import in_words
from trading_assets.storage.database.transactions import query
from trading_assets.storage.ownership import name_of, owner_of

_SECRET: Final = frozenset({"password", "sslpassword"})
"""Parameters of an address that are nobody's business."""
_PATIENCE_S: Final = 1.0
"""With a server that goes away while it is looked at."""
_HOST: Final = """SELECT pg_is_in_recovery() AS follows,
  (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn)::bigint
    AS position,
  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float AS age_s"""
_SESSION: Final = """SELECT current_setting('server_version') AS version, current_user AS role,
  (SELECT version FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()) AS encryption"""


@dataclass(frozen=True, slots=True)
class Server:
    """One server that the address names."""

    name: str
    error: str | None = None
    """Why it cannot be reached."""
    follows: bool = False
    position: int = 0
    """Of its log, in bytes: what it has written, or a standby has done again."""
    age_s: float | None = None
    """How long ago the newest change was made that a standby has."""
    session: str = ""
    """Its version, the role, and whether the connection is encrypted."""


@dataclass(slots=True)
class Health:
    """What was found."""

    place: str
    revision: str | None = None
    roles: tuple[str, ...] = ()
    """Of owner, writer and reader those that the user may act as."""
    servers: list[Server] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def primary(self) -> Server | None:
        """The one that can be written to."""
        return next((server for server in self.servers if not server.error and not server.follows), None)

    def behind(self, server: Server) -> int | None:
        """Return how many bytes of the log a standby has yet to do."""
        primary = self.primary
        return max(0, primary.position - server.position) if primary and server.follows else None


def place_of(settings: Settings) -> str:
    """Say where the catalogue is, and no password."""
    url = catalog_url(settings)
    query = {name: "***" if name in _SECRET else value for name, value in url.query.items()}
    text = url.set(query=query).render_as_string(hide_password=True)
    return f"{text} ({settings.environment})" if url.get_backend_name() == POSTGRES else text


def is_made(settings: Settings) -> bool:
    """Tell whether there is a file of SQLite, which would be made by being opened; of servers nothing is known yet."""
    url = catalog_url(settings)
    return url.get_backend_name() != "sqlite" or not url.database or Path(url.database).exists()


def check_health(settings: Settings) -> Health:
    """Look at everything; whatever is wrong is among the faults."""
    health = Health(place_of(settings))
    if not is_made(settings):
        health.faults.append("there is no such file: `trading-assets db upgrade` makes it")
        return health
    if catalog_url(settings).get_backend_name() == POSTGRES:
        _look_at_servers(settings, health)
        return health
    engine = open_engine(settings)
    _look_at_schema(engine, health)
    _look_at_lake(settings, engine, health)
    with _connected(engine) as connection:
        if (said := connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()) != "ok":
            health.faults.append(f"SQLite finds the file damaged: {said}")
    return health


def _look_at_lake(settings: Settings, engine: Engine, health: Health) -> None:
    """Ask whether the lake is this catalogue's."""
    root = settings.path(settings.lake.root)
    owner = owner_of(root)
    name = query(engine, lambda session: name_of(session.connection(), root))
    if owner not in {name, None}:
        health.faults.append(f"{root} is the lake of the catalogue {owner}, and this is {name}")


def _look_at_schema(engine: Engine, health: Health) -> tuple[str, ...]:
    """Hold the tables against the models; return which roles the user may act as."""
    found = check_catalog(engine)
    health.revision = found.found
    if found.found is None:
        health.faults.append("there are no tables: `trading-assets db upgrade` makes them")
    elif found.found != found.wanted:
        health.faults.append(
            f"its schema is {found.found} and should be {found.wanted}: `trading-assets db upgrade` brings an older "
            "one there; for a newer one, update trading_assets"
        )
    health.faults += (f"its tables are not as they should be: {each}" for each in found.differences)
    return found.roles


def _look_at_servers(settings: Settings, health: Health) -> None:
    has_schema = False
    found = [_look_at_server(settings, name, url) for name, url in _addresses(settings)]
    health.servers = [server for server, _ in found]
    for server, engine in sorted(found, key=lambda each: each[0].follows):  # the primary first
        if server.error:
            health.faults.append(f"{server.name} cannot be reached: {server.error}")
        elif not has_schema:
            health.roles, has_schema = _look_at_schema(engine, health), True
            _look_at_lake(settings, engine, health)
            engine.dispose()
    n_primaries = sum(not server.error and not server.follows for server in health.servers)
    if n_primaries != 1:
        what = "no server can be written to" if not n_primaries else f"{n_primaries} servers say they are the primary"
        health.faults.append(f"{what}: promote one, and stop the others or let them follow it")


def _look_at_server(settings: Settings, name: str, url: URL) -> tuple[Server, Engine]:
    text = url.render_as_string(hide_password=False)
    section = settings.catalog.model_copy(update={"url": SecretStr(text), "retry_s": _PATIENCE_S})
    one = settings.model_copy(update={"catalog": section})
    engine, server = open_for_looking(one), Server(name)
    try:
        with _connected(engine) as connection:
            session = connection.exec_driver_sql(_SESSION).one()
            encryption = f"encrypted ({session.encryption})" if session.encryption else "not encrypted"
            said = f"Postgres {session.version}, as {session.role}, {encryption}"
            server = replace(server, session=said, **connection.exec_driver_sql(_HOST).mappings().one())
    except DBAPIError as error:
        server = replace(server, error=str(in_words(error) or error.orig).partition("\n")[0])
    return server, engine


def _addresses(settings: Settings) -> Iterator[tuple[str, URL]]:
    """Take an address of several servers apart, into one of each."""
    url = catalog_url(settings)
    _, arguments = open_for_looking(settings).dialect.create_connect_args(url)
    hosts = str(arguments.get("host", "")).split(",")
    ports = str(arguments.get("port", "")).split(",")
    for n, host in enumerate(hosts):
        port = ports[n] if len(ports) == len(hosts) else ports[0]
        query = {name: value for name, value in url.query.items() if name not in {"host", "port"}}
        own = {name: value for name, value in (("host", host), ("port", port)) if value}
        yield ":".join(own.values()) or "localhost", url.set(host=None, port=None, query={**query, **own})


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
