"""A catalogue as full as a team's after a year: rows of tickets, judgements, versions and inputs, and no files.

    python benchmarks/full_catalogue.py CATALOGUE_FILE [PARTITIONS]

Written in bulk, with what the declared steps, the settings and the publish protocol would have written. One partition
in twenty is not well: it misses a feature table, or was computed with older code, or its book changed after its
features were made, or it was refused.
"""

import hashlib
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, inspect

from trading_assets.definitions import STEPS
from trading_assets.orchestration.outline import with_rules
from trading_assets.orchestration.step import Step
from trading_assets.settings import Settings, load_settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.records import Origin
from trading_assets.storage.registry import TickRules

PROJECT: Final = Path(__file__).resolve().parents[1]
INSTRUMENTS: Final = 50
FIRST: Final = date(2024, 1, 1)
MOMENT: Final = "2026-01-01 00:00:00.000000"
TROUBLES: Final = {3: "missing", 7: "older code", 11: "book changed", 13: "refused"}
"""What is wrong with a partition, by its number modulo `OUT_OF`."""
OUT_OF: Final = 80
BOOKS: Final = next(step for step in STEPS if step.name == "raw_books")
TABLES: Final = ("instruments", "tickets", "versions", "version_inputs", "pointers", "quality_results", "quarantine")

Rows = dict[str, list[tuple[Any, ...]]]


def fill(settings: Settings, n_partitions: int) -> None:
    """Make the catalogue that the settings name and put so many partitions into it, days of 50 instruments.

    Args:
        settings: its `catalog.url` is a catalogue that does not exist, or is empty.
        n_partitions: days of instruments; fewer than 50 are days of one instrument.
    """
    engine = open_engine(settings)
    upgrade_catalog(engine, settings.root / "migrations")
    columns = {table: [column["name"] for column in inspect(engine).get_columns(table)] for table in TABLES}
    put_in = _into_file if engine.dialect.name == "sqlite" else _into_server
    put_in(engine, columns, _rows(settings, n_partitions, columns))
    engine.dispose()


def _into_file(engine: Engine, columns: dict[str, list[str]], parts: Iterator[Rows]) -> None:
    with closing(sqlite3.connect(str(engine.url.database))) as connection, connection:
        connection.execute("PRAGMA synchronous=OFF")
        for rows in parts:
            for table, values in rows.items():
                marks = ", ".join("?" * len(columns[table]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - our own tables
        connection.execute("ANALYZE")


def _into_server(engine: Engine, columns: dict[str, list[str]], parts: Iterator[Rows]) -> None:
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        for rows in parts:
            for table, values in rows.items():
                with cursor.copy(f"COPY {table} ({', '.join(columns[table])}) FROM STDIN") as copy:
                    for row in values:
                        copy.write_row(row)
        for table in ("tickets", "versions"):
            cursor.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")  # noqa: S608 - see above
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("ANALYZE")


def markets(n_partitions: int) -> tuple[list[str], int]:
    """Return the instruments, and how many days each has."""
    n_markets = INSTRUMENTS if n_partitions >= INSTRUMENTS else 1
    return [f"COIN{n:02d}USDT.BINANCE" for n in range(n_markets)], -(-n_partitions // n_markets)


def _rows(settings: Settings, n_partitions: int, columns: dict[str, list[str]]) -> Iterator[Rows]:
    """Yield the rows of one instrument after the other."""
    names, n_days = markets(n_partitions)
    filler = _Filler(settings, columns)
    for n, name in enumerate(names):
        yield filler.of_instrument(name, min(n_days, n_partitions - n * n_days))


class _Filler:
    """Writes down what publishing would have: ids go on from one instrument to the next."""

    def __init__(self, settings: Settings, columns: dict[str, list[str]]) -> None:
        self._settings = settings
        self._columns = columns
        self._ticket = self._version = self._partition = 0
        self._rows: Rows = {}
        self._md5s: dict[tuple[str, date], str] = {}

    def of_instrument(self, name: str, n_days: int) -> Rows:
        self._rows = {table: [] for table in TABLES}
        self._md5s = {}
        symbol, _, venue = name.partition(".")
        self._add("instruments", instrument_id=name, symbol=symbol, venue=venue, registered_at=MOMENT)
        for n in range(n_days):
            self._partition += 1
            for step in STEPS:
                self._publish(step, name, FIRST + timedelta(days=n), TROUBLES.get(self._partition % OUT_OF, ""))
        return self._rows

    def _publish(self, step: Step, name: str, day: date, trouble: str) -> None:
        if trouble == "missing" and step.name == "book_features":
            return
        inputs = self._inputs(step, day)
        if inputs is None:
            return
        is_refused = trouble == "refused" and step.name == "book_features"
        self._judge(step, name, day, is_refused=is_refused, inputs=inputs)
        if not is_refused:
            code = "0" if trouble == "older code" and step.name == "labels" else step.code_version
            self._version_of(step, name, day, Origin(code, self._digest(step), inputs))
        if trouble == "book changed" and step.name == "book_features":
            self._publish(BOOKS, name, day, "")

    def _inputs(self, step: Step, day: date) -> tuple[tuple[str, date, str], ...] | None:
        """Return what a step would read, or None where it could not be made."""
        found = []
        for asset, days in step.inputs(self._settings).items():
            read = [(asset, at, self._md5s[asset, at]) for at in days.around(day) if (asset, at) in self._md5s]
            wanted = [at for at in days.around(day) if ("captures", at) in self._md5s]
            if not wanted or len(read) < len(wanted):
                return None
            found += read
        return tuple(sorted(found))

    def _digest(self, step: Step) -> str:
        digest = self._settings.digest(step.reads)
        if "tick_rules" not in step.services:
            return digest
        return with_rules(digest, TickRules())

    def _judge(self, step: Step, name: str, day: date, *, is_refused: bool, inputs: Sequence[Any]) -> None:
        """Take a ticket and record how every rule judged."""
        self._ticket += 1
        outcome = "refused" if is_refused else "published"
        key = {"day": day.isoformat(), "instrument_id": name}
        self._add("tickets", id=self._ticket, step=step.name, **key, run_id="fill", taken_at=MOMENT, outcome=outcome)
        for asset, output in step.outputs.items():
            for rule in output.gate.all_rules(self._settings):
                self._add(
                    "quality_results",
                    **{"ticket_id": self._ticket, "asset": asset, "rule": rule.name, **key, "measure": rule.measure},
                    value=0.0,
                    minimum=rule.minimum,
                    maximum=rule.maximum,
                    passed=not is_refused,
                )
            if is_refused:
                path = f"quarantine/{asset}/{day}/{name}/{self._ticket}.{output.suffix}"
                given = "[" + ", ".join(f'["{of}", "{at}", "{md5}"]' for of, at, md5 in inputs) + "]"
                self._add(
                    "quarantine",
                    **{"ticket_id": self._ticket, "asset": asset, **key, "md5": _md5(path), "path": path},
                    reason="it was made so",
                    refused_at=MOMENT,
                    suffix=output.suffix,
                    n_bytes=1000,
                    n_rows=10,
                    code_version=step.code_version,
                    settings_digest=self._digest(step),
                    inputs=given,
                )

    def _version_of(self, step: Step, name: str, day: date, origin: Origin) -> None:
        for asset, output in step.outputs.items():
            self._version += 1
            md5 = self._md5s[asset, day] = _md5(f"{asset} {day} {name} {self._version}")
            key = {"asset": asset, "day": day.isoformat(), "instrument_id": name}
            self._add(
                "versions",
                **{"id": self._version, **key, "md5": md5, "suffix": output.suffix, "n_bytes": 1000, "n_rows": 10},
                ticket_id=self._ticket,
                run_id="fill",
                published_at=MOMENT,
                reported_at=MOMENT,
                code_version=origin.code_version,
                settings_digest=origin.settings_digest,
            )
            for of, at, read in origin.inputs:
                self._add("version_inputs", version_id=self._version, asset=of, day=at.isoformat(), md5=read)
            self._rows["pointers"] = self._without_older(key)
            self._add("pointers", **key, version_id=self._version, md5=md5, origin=origin.digest)

    def _without_older(self, key: dict[str, str]) -> list[tuple[Any, ...]]:
        """Drop the pointer that a newer version of these days moves; only the last rows can be it."""
        at = [self._columns["pointers"].index(column) for column in key]
        rows = self._rows["pointers"]
        newest = [row for row in rows[-9:] if [row[n] for n in at] != list(key.values())]
        return rows[:-9] + newest if len(newest) != len(rows[-9:]) else rows

    def _add(self, table: str, **values: object) -> None:
        self._rows[table].append(tuple(values.get(column) for column in self._columns[table]))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def main() -> None:
    """Fill a file."""
    path = Path(sys.argv[1]).resolve()
    settings = load_settings(PROJECT, environment="development")
    catalog = settings.catalog.model_copy(update={"url": type(settings.catalog.url)(f"sqlite:///{path}")})
    fill(settings.model_copy(update={"catalog": catalog}), int(sys.argv[2]) if len(sys.argv) > 2 else 20_000)  # noqa: PLR2004 - the name of this file is the first


if __name__ == "__main__":
    main()
