"""Catalogues with rows in every table, and in every column values that are easily lost on the way."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Engine,
    Float,
    Integer,
    String,
    Table,
    Text,
    insert,
    null,
    select,
    text,
    update,
)

from trading_assets.settings import Settings
from trading_assets.storage.backups.content import is_kept
from trading_assets.storage.catalog import Base, UtcDateTime
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import migrating, upgrade_catalog
from trading_assets.storage.snapshots import tables  # noqa: F401 - tables of Base too

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
KEPT = [table for table in Base.metadata.sorted_tables if is_kept(table.name)]
ROWS = 6
_VALUES: tuple[tuple[Any, tuple[Any, ...]], ...] = (
    (Boolean, (True, False)),
    (BigInteger, (2**63 - 1, -(2**63), 0, 2**53 + 1)),
    (Integer, (2**31 - 1, -(2**31), 0)),
    (Float, (0.1, 5e-324, 1.7976931348623157e308, -1 / 3, float("inf"), float("-inf"))),
    (
        UtcDateTime,
        tuple(datetime(y, 3, 31, 1, 59, 59, 999_999, UTC) for y in (1970, 1, 2262)),
    ),
    (Date, (date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31))),
    (JSON, (JSON.NULL, [["a", "2024-08-08", 1.5, None]], {"é": [0.1, 2**60, True]}, "text", [], 0)),
    (Text, ("ä\n" * 50_000, "", "\u2028 \x85 \x1f 💰")),
    (String, ('"quoted" \\ and\na line, € 💰', "", " ", "'; DROP TABLE tickets; --", "\u2028\x1c\x85")),
)


def made_catalog(settings: Settings) -> Engine:
    """Make a catalogue of the newest schema."""
    engine = open_engine(settings)
    upgrade_catalog(engine, MIGRATIONS)
    return engine


def fill(engine: Engine) -> None:
    """Write some rows into every table; every column that can be null is so in one."""
    with engine.begin() as connection:
        for table in KEPT:
            rows = [{column.name: value_of(column, n) for column in table.columns} for n in range(ROWS)]
            connection.execute(insert(table), rows)
            for column in (each for each in table.columns if isinstance(each.type, JSON) and each.nullable):
                first = (key == rows[0][key.name] for key in table.primary_key)
                connection.execute(update(table).where(*first).values({column: null()}))  # none would be JSON's null
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:  # as if it had numbered the rows itself
            for table in KEPT:
                if table.autoincrement_column is not None:
                    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {ROWS})"))


def value_of(column: Column[Any], n: int) -> Any:
    """Return a column's value in its n-th row: what it refers to, what names it, or one of those easily lost."""
    for key in column.foreign_keys:
        return value_of(key.column, n)
    if column.nullable and n == 0:
        return None
    if column.primary_key or column.name in {"name", "subject"}:
        return _name_of(column, n)
    for kind, values in _VALUES:
        if isinstance(column.type, kind):
            value = values[n % len(values)]
            return value[: column.type.length] if isinstance(value, str) and isinstance(column.type, String) else value
    raise TypeError(f"{column} is of a type that no test has values for")


def _name_of(column: Column[Any], n: int) -> Any:
    """Return a value that no other row has; names begin so that languages sort them otherwise than bytes do."""
    if isinstance(column.type, Date):
        return date(2024, 8, 1 + n)
    if isinstance(column.type, Integer):
        return n + 1
    return f"{'aBÄb_-'[n]}{n}"


def rows(engine: Engine) -> dict[str, list[Any]]:
    """Return every row of every table, JSON as the text it is."""
    with engine.connect() as connection:
        return {table.name: sorted(map(repr, connection.execute(_as_it_is(table)))) for table in KEPT}


def _as_it_is(table: Table) -> Any:
    columns = [text(f"CAST({each.name} AS TEXT)") if isinstance(each.type, JSON) else each for each in table.columns]
    return select(*columns).select_from(table)


def downgraded(engine: Engine, revision: str) -> None:
    """Bring a catalogue back to an older schema."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with migrating(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
