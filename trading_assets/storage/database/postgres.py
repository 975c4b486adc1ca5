"""The catalogue in a Postgres database: on the primary of several servers, or on a standby for whoever only looks.

The schema is named after the environment, and is all that a session's search path has. Connections other than through
a local socket are encrypted and check the server's name, unless the address says otherwise; in production it may not.

Belongs here: how connections are made, and what a transaction does first. Does not: what is done in it (transactions),
roles (roles). Source: https://www.postgresql.org/docs/current/libpq-connect.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import psycopg
from loguru import logger
from psycopg.conninfo import conninfo_attempts
from psycopg.pq import Conninfo
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from trading_assets.errors import InvalidSettings
from trading_assets.settings import Settings
from trading_assets.storage.database.deadline import watch
from trading_assets.storage.database.faults import OldPrimary
from trading_assets.storage.database.fence import Fence, Identity
from trading_assets.storage.database.transactions import RETRY_S, TRANSACTION_S, WRITE

DRIVER: Final = "postgresql+psycopg"
_SAFE: Final = "verify-full"
_TIMELINE: Final = "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"
"""The timeline that a primary writes on: the first eight hexadecimal digits of its log file's name."""
_IDENTITY: Final = (
    f"SELECT system_identifier::text, CASE WHEN pg_is_in_recovery() THEN 0 ELSE {_TIMELINE} END "  # noqa: S608 - constants
    "FROM pg_control_system()"
)
_LOCKED: Final = (
    f"SELECT pg_advisory_xact_lock(hashtext('trading_assets'), hashtext(current_setting('search_path'))), {_TIMELINE}"
)
"""Take the write lock of this schema, until the transaction ends."""
_OF_CLIENT: Final = frozenset({"context", "autocommit", "prepare_threshold", "row_factory", "cursor_factory"})
"""Arguments of a connection that are psycopg's own, and not the server's."""
_CLUSTER: Final = "trading_assets.cluster"


def open_postgres(url: URL, settings: Settings, *, is_for_looking: bool) -> Engine:
    """Open a pool of connections, to the primary or for looking.

    Raises:
        InvalidSettings: the address chooses another driver, or in production one that trusts any server.
    """
    if url.drivername not in {DRIVER, "postgresql"}:
        raise InvalidSettings(f"settings: catalog.url: {url.drivername} is not supported: write {DRIVER}://")
    engine = create_engine(
        url.set(drivername=DRIVER),
        connect_args=_arguments(url, settings),
        pool_size=settings.catalog.pool_size,
        pool_recycle=round(settings.catalog.pool_recycle_s),
        execution_options={RETRY_S: settings.catalog.retry_s, TRANSACTION_S: settings.catalog.transaction_timeout_s},
    )
    _bound_waits(engine)
    keep = _prefer_standby if is_for_looking else _keep_to_primary
    keep(engine, Fence(settings.path(settings.lake.root)))
    return engine


def _arguments(url: URL, settings: Settings) -> dict[str, Any]:
    limits = settings.catalog
    milliseconds = {
        "statement_timeout": limits.statement_timeout_s,
        "lock_timeout": limits.busy_timeout_s,
        "idle_in_transaction_session_timeout": limits.transaction_timeout_s,
    }
    options = [f"-c {name}={round(seconds * 1000)}" for name, seconds in milliseconds.items()]
    return {
        "options": " ".join([f"-c search_path={settings.environment}", *options]),
        "application_name": "trading_assets",
        "connect_timeout": max(2, round(limits.connect_timeout_s)),
        "tcp_user_timeout": round(limits.connect_timeout_s * 1000),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "sslmode": encryption(url, settings.environment),
    }


def encryption(url: URL, environment: str) -> str:
    """Return how a connection is encrypted: as safe as can be, unless the address says otherwise where it may."""
    said, is_local = url.query.get("sslmode"), _is_local(url)
    if said is None:
        return "prefer" if is_local else _SAFE
    if environment == "production" and said != _SAFE and not is_local:
        raise InvalidSettings(
            f"settings: catalog.url: sslmode={said} would trust any server: in production it has to be {_SAFE}"
        )
    return str(said)


def _is_local(url: URL) -> bool:
    """Tell whether every server of an address is reached through a local socket, whoever names it."""
    said = {option.keyword.decode(): (option.val or b"").decode() for option in Conninfo.get_defaults()}
    said |= {name: ",".join([values] if isinstance(values, str) else values) for name, values in url.query.items()}
    hosts = ",".join(filter(None, [url.host, said.get("host")])).split(",")
    is_elsewhere = said.get("hostaddr") or said.get("service")
    return not is_elsewhere and all(host.startswith("/") or not host for host in hosts)


def _bound_waits(engine: Engine) -> None:
    """Put connections under the deadline of the thread that uses them."""

    @event.listens_for(engine, "checkout")
    def check_out(connection: psycopg.Connection, _record: object, _proxy: object) -> None:
        watch(connection.fileno())


def _keep_to_primary(engine: Engine, fence: Fence) -> None:
    """Connect to the primary of the newest timeline only, and look again in every transaction that writes."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, _args: object, parameters: dict[str, Any]) -> psycopg.Connection:
        parameters = {**parameters, "target_session_attrs": "read-write"}
        server, connection = _found(parameters, fence.has_newest)
        try:
            fence.admit(server)
        except OldPrimary:
            connection.close()
            raise
        return connection

    @event.listens_for(engine, "connect")
    def remember(connection: psycopg.Connection, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's record
        record.info[_CLUSTER] = _identity(connection).cluster

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if WRITE.items() <= connection.get_execution_options().items():
            *_, timeline = connection.exec_driver_sql(_LOCKED).one()
            fence.admit(Identity(connection.info[_CLUSTER], timeline))


def _prefer_standby(engine: Engine, fence: Fence) -> None:
    """Connect to a standby, else to the primary of the newest timeline; a warning says where that is an old one."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, _args: object, parameters: dict[str, Any]) -> psycopg.Connection:
        server, connection = _found(parameters, lambda each: each.is_standby)
        if not server.is_standby and server.timeline < (newest := fence.newest(server.cluster)):
            logger.warning("what is read may be old: {}", OldPrimary(server.timeline, newest))
        return connection


def _found(parameters: Mapping[str, Any], is_wanted: Callable[[Identity], bool]) -> tuple[Identity, psycopg.Connection]:
    """Connect to the first server that is wanted, else to that of the newest timeline of all that answer."""
    found: list[tuple[Identity, psycopg.Connection]] = []
    errors: list[psycopg.Error] = []
    for attempt in _attempts(parameters):
        try:
            found.append(_asked(attempt))
        except psycopg.Error as error:
            errors.append(error)
            continue
        if is_wanted(found[-1][0]):
            break
    if not found:
        raise psycopg.OperationalError("\n".join(map(str, errors)))
    chosen = found[-1] if is_wanted(found[-1][0]) else max(found, key=lambda each: each[0].timeline)
    for _, other in found:
        if other is not chosen[1]:
            other.close()
    return chosen


def _asked(attempt: Mapping[str, Any]) -> tuple[Identity, psycopg.Connection]:
    """Connect to one server, and ask what it is."""
    connection = psycopg.connect(**attempt)
    watch(connection.fileno())
    try:
        return _identity(connection), connection
    except psycopg.Error:
        connection.close()
        raise


def _attempts(parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Split the parameters of several hosts into those of one each."""
    of_client = {name: value for name, value in parameters.items() if name in _OF_CLIENT}
    of_server = {name: value for name, value in parameters.items() if name not in _OF_CLIENT}
    for attempt in conninfo_attempts(of_server):
        yield {**attempt, **of_client}


def _identity(connection: psycopg.Connection) -> Identity:
    """Ask a primary what it is, and leave no transaction open."""
    row = connection.execute(_IDENTITY).fetchone()
    connection.rollback()
    if row is None:
        raise psycopg.OperationalError("the server does not say what it is")
    return Identity(*row)
