"""What a backup has, and that all of it comes back: on the same kind of database and on the other."""

import hashlib
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from full_catalogs import KEPT, MIGRATIONS, ROWS, downgraded, fill, made_catalog, rows
from hypothesis import given
from hypothesis import strategies as st
from postgres_server import PostgresServer
from pydantic import SecretStr
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Float, MetaData, String, Table, insert, select, text

from trading_assets.errors import BackupExists, CatalogFailed, CatalogNotEmpty, NotABackup
from trading_assets.health.check import check_health
from trading_assets.identifiers import Partition
from trading_assets.settings import Settings
from trading_assets.storage.backups.backup import back_up
from trading_assets.storage.backups.cells import line_reader, line_writer
from trading_assets.storage.backups.restore import TAKEN_SINCE, restore
from trading_assets.storage.catalog import AuditRow, QuarantineRow, TicketRow
from trading_assets.storage.database.engines import catalog_url, open_engine
from trading_assets.storage.database.schema import SCHEMA, VERSION_TABLE
from trading_assets.storage.lake import Lake
from trading_assets.storage.ownership import adopt, name_of
from trading_assets.storage.store import Store

MakeSettings = Callable[[str], Settings]
KINDS = ("sqlite", "postgres")
ON_BOTH = pytest.mark.parametrize("kind", KINDS)
EVERY_KIND = Table(
    "every_kind",
    MetaData(),
    Column("text", String),
    Column("number", BigInteger),
    Column("float", Float),
    Column("moment", DateTime(timezone=True)),
    Column("day", Date),
    Column("is_so", Boolean),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.zip"


@ON_BOTH
@pytest.mark.parametrize("target", KINDS)
def test_every_row_of_every_table_comes_back_on_either_database(
    catalog_on: MakeSettings, file: Path, kind: str, target: str
) -> None:
    old, new = made_catalog(catalog_on(kind)), open_engine(catalog_on(target))
    fill(old)

    made = back_up(old, file, environment="staging")
    restore(new, file, MIGRATIONS)

    assert rows(old) == rows(new)
    assert {ROWS} == {len(found) for found in rows(new).values()}
    assert ("staging", SCHEMA, ROWS * len(KEPT)) == (made.environment, made.revision, made.n_rows)
    again = back_up(new, file, environment="staging", is_forced=True)
    assert {name: each.sha256 for name, each in made.tables.items()} == {
        name: each.sha256 for name, each in again.tables.items()
    }


@ON_BOTH
def test_a_null_of_json_is_another_than_none(catalog_on: MakeSettings, file: Path, kind: str) -> None:
    old, new = made_catalog(catalog_on(kind)), open_engine(catalog_on(kind))
    fill(old)
    with old.begin() as connection:
        connection.execute(text("UPDATE quarantine SET inputs = 'null' WHERE ticket_id = 2"))

    back_up(old, file, environment="development")
    restore(new, file, MIGRATIONS)

    with new.connect() as connection:
        nothing = select(QuarantineRow.ticket_id).where(text("inputs IS NULL"))
        assert [1] == list(connection.scalars(nothing))


@given(
    st.tuples(
        st.none() | st.text(),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False).filter(lambda x: str(x) != "-0.0"),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.none() | st.dates(),
        st.none() | st.booleans(),
    )
)
def test_every_value_is_read_as_it_was_written(row: tuple[Any, ...]) -> None:
    line = line_writer(list(EVERY_KIND.columns))(row)

    assert row == tuple(line_reader(EVERY_KIND)(line).values())
    assert line.isascii()
    assert 1 == len(line.splitlines())


def test_a_float_that_is_no_number_is_read_as_it_was_written() -> None:
    table = Table("one", MetaData(), Column("float", Float))
    line = line_writer(list(table.columns))((float("nan"),))

    assert b'{"float":"NaN"}\n' == line
    assert "nan" == str(line_reader(table)(line)["float"])


def test_a_table_is_plain_text_whose_digest_any_tool_can_make(catalog_on: MakeSettings, file: Path) -> None:
    engine = made_catalog(catalog_on("sqlite"))
    fill(engine)
    back_up(engine, file, environment="development")

    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        tickets = archive.read("tables/tickets.jsonl")
    assert manifest["tables"]["tickets"]["sha256"] == hashlib.sha256(tickets).hexdigest()
    assert {"id": 1, "day": "2024-02-29", "taken_at": "1970-03-31T01:59:59.999999+00:00", "error": None}.items() <= (
        json.loads(tickets.splitlines()[0]).items()
    )


def test_memory_does_not_grow_with_the_rows(catalog_on: MakeSettings, file: Path) -> None:
    old, new = made_catalog(catalog_on("sqlite")), made_catalog(catalog_on("sqlite"))
    peaks = []
    for n in (4_000, 16_000):
        with old.begin() as connection:
            values = [{"digest": f"{n} {each}", "text": f"{each}" * 200} for each in range(n)]
            connection.execute(text("INSERT INTO recorded_texts (digest, text) VALUES (:digest, :text)"), values)
        del values
        tracemalloc.start()
        back_up(old, file, environment="development", is_forced=True)
        restore(new, file, MIGRATIONS)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        with new.begin() as connection:
            connection.execute(text("DELETE FROM recorded_texts"))

    assert peaks[1] < 1.3 * peaks[0], peaks


@ON_BOTH
def test_tables_that_are_loaded_anew_are_in_no_backup(catalog_on: MakeSettings, file: Path, kind: str) -> None:
    engine = made_catalog(catalog_on(kind))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE served_elsewhere (id INTEGER PRIMARY KEY)"))

    made = back_up(engine, file, environment="development")

    assert {table.name for table in KEPT} == set(made.tables)
    assert not [name for name in made.tables if name.startswith("served_")]


@ON_BOTH
def test_tickets_go_on_above_all_that_may_have_been_taken(catalog_on: MakeSettings, file: Path, kind: str) -> None:
    settings = catalog_on(kind)
    old, new = made_catalog(settings), open_engine(catalog_on(kind))
    lake, partition = Lake(Store(settings.root), old), Partition.parse("2024-08-08|BTCUSDT.BINANCE")
    for _ in range(3):
        with lake.ticket("step", partition, run_id="run") as ticket:
            pass
    with old.begin() as connection:
        connection.execute(TicketRow.__table__.delete())  # type: ignore[attr-defined]  # a table has it

    back_up(old, file, environment="development")
    restore(new, file, MIGRATIONS)
    with new.connect() as connection:
        adopt(settings.root, name_of(connection, settings.root))

    with Lake(Store(settings.root), new).ticket("step", partition, run_id="run") as next_ticket:
        assert ticket.id + TAKEN_SINCE < next_ticket.id


@ON_BOTH
@pytest.mark.parametrize("target", KINDS)
def test_other_rows_are_numbered_on(catalog_on: MakeSettings, file: Path, kind: str, target: str) -> None:
    old, new = made_catalog(catalog_on(kind)), open_engine(catalog_on(target))
    fill(old)
    back_up(old, file, environment="development")
    restore(new, file, MIGRATIONS)

    values = {"acted_at": datetime.now(UTC), "actor": "a", "act": "b", "subject": "c", "reason": "d"}
    with new.begin() as connection:
        key = connection.execute(insert(AuditRow).values(values)).inserted_primary_key
    assert (ROWS + 1,) == tuple(key or ())


@ON_BOTH
def test_a_backup_of_an_older_schema_is_upgraded_when_it_is_restored(
    catalog_on: MakeSettings, file: Path, kind: str
) -> None:
    old, new = made_catalog(catalog_on(kind)), made_catalog(catalog_on(kind))
    fill(old)
    downgraded(old, "0003")
    made = back_up(old, file, environment="development")

    restore(new, file, MIGRATIONS)

    assert "0003" == made.revision
    with new.connect() as connection:
        assert SCHEMA == connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - a constant
        assert ROWS == connection.scalar(text("SELECT count(*) FROM tickets"))
        assert 0 == connection.scalar(text("SELECT count(*) FROM snapshots"))
        assert date(2024, 2, 29) in set(connection.scalars(select(TicketRow.day)))


@ON_BOTH
def test_a_catalogue_that_has_rows_is_left_alone(catalog_on: MakeSettings, file: Path, kind: str) -> None:
    old, new = made_catalog(catalog_on(kind)), made_catalog(catalog_on(kind))
    fill(old)
    back_up(old, file, environment="development")
    with new.begin() as connection:
        connection.execute(text("INSERT INTO recorded_texts (digest, text) VALUES ('d', 't')"))
    before = rows(new)

    with pytest.raises(CatalogNotEmpty, match=r"1 of recorded_texts.*TRADING_ASSETS_CATALOG__URL"):
        restore(new, file, MIGRATIONS)
    assert before == rows(new)


def test_a_file_that_is_there_is_only_replaced_when_that_is_said(catalog_on: MakeSettings, file: Path) -> None:
    engine = made_catalog(catalog_on("sqlite"))
    file.write_text("precious")

    with pytest.raises(BackupExists, match="--force"):
        back_up(engine, file, environment="development")
    assert "precious" == file.read_text()
    back_up(engine, file, environment="development", is_forced=True)
    assert zipfile.is_zipfile(file)


def test_a_backup_that_fails_half_way_leaves_no_file(
    catalog_on: MakeSettings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = made_catalog(catalog_on("sqlite"))
    fill(engine)
    monkeypatch.setattr("trading_assets.storage.backups.backup.highest_number", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        back_up(engine, file, environment="development")
    assert [] == [path.name for path in file.parent.glob("*catalog.zip*")]


def test_there_is_no_backup_of_nothing(catalog_on: MakeSettings, file: Path) -> None:
    with pytest.raises(CatalogFailed, match="nothing to back up"):
        back_up(open_engine(catalog_on("sqlite")), file, environment="development")
    assert not file.exists()


@pytest.mark.parametrize("at", [0.0, 0.3, 0.7, 0.98])
def test_a_file_that_was_cut_short_is_refused(catalog_on: MakeSettings, file: Path, at: float) -> None:
    whole = backed_up(catalog_on, file)
    file.write_bytes(whole[: int(len(whole) * at)])

    assert_refused(catalog_on, file, "not a backup, or damaged")


def test_a_flipped_bit_is_refused_or_harmless(catalog_on: MakeSettings, file: Path) -> None:
    whole = backed_up(catalog_on, file)
    engine = open_engine(catalog_on("sqlite"))
    expected = None
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            restore(engine, file, MIGRATIONS)
        except NotABackup:
            continue
        found = rows(engine)  # the bit was in what no row depends on, such as a date of the zip
        assert found == (expected := expected or found)
        engine = open_engine(catalog_on("sqlite"))


def test_other_files_are_refused(catalog_on: MakeSettings, file: Path) -> None:
    file.write_text("hello")
    assert_refused(catalog_on, file, "not a backup, or damaged")

    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert_refused(catalog_on, file, "not a backup, or damaged")

    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", "{}")
    assert_refused(catalog_on, file, "manifest is not one of a backup")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("revision", "9999", "has schema 9999, which this code does not know: update trading_assets"),
        ("format_version", 2, "format 2, which this code does not know: update trading_assets"),
        ("format", "another", "of something else"),
        ("revision", "0002", "tables are not those of schema 0002"),
    ],
)
def test_what_this_code_does_not_know_is_refused(
    catalog_on: MakeSettings, file: Path, key: str, value: Any, told: str
) -> None:
    backed_up(catalog_on, file)
    rewritten(file, "manifest.json", lambda text: json.dumps({**json.loads(text), key: value}).encode())

    assert_refused(catalog_on, file, told)


def test_rows_that_are_not_those_of_the_manifest_are_refused(catalog_on: MakeSettings, file: Path) -> None:
    backed_up(catalog_on, file)
    rewritten(file, "tables/tickets.jsonl", lambda text: text.replace(b"2024-02-29", b"2024-02-28"))

    assert_refused(catalog_on, file, "the rows of tickets are not those that were written")


@ON_BOTH
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("tickets", "id", 2**70),
        ("tickets", "id", 2**63 - 1),
        ("tickets", "id", True),
        ("tickets", "step", {"a": 1}),
        ("tickets", "step", "\ud800"),
        ("tickets", "taken_at", "9999-12-31T23:59:59-10:00"),
        ("versions", "n_bytes", "abc"),
    ],
)
def test_values_that_no_catalogue_has_are_refused(
    catalog_on: MakeSettings, file: Path, kind: str, table: str, column: str, value: Any
) -> None:
    backed_up(catalog_on, file)

    def changed(lines: bytes) -> bytes:
        first, *rest = lines.splitlines(keepends=True)
        return b"".join([json.dumps({**json.loads(first), column: value}).encode() + b"\n", *rest])

    rewritten_with_its_digest(file, table, changed)

    with pytest.raises(NotABackup):
        restore(open_engine(catalog_on(kind)), file, MIGRATIONS)


@pytest.mark.parametrize(
    ("row", "told"), [(b"[" * 100_000 + b"\n", "cannot be read"), (b"0" * 3_000_000 + b"\n", "longer than")]
)
def test_rows_that_would_take_all_memory_are_refused(
    catalog_on: MakeSettings, file: Path, row: bytes, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading_assets.storage.backups.archive._MAX_LINE", 2_000_000)
    backed_up(catalog_on, file)
    rewritten_with_its_digest(file, "tickets", lambda _: row)

    assert_refused(catalog_on, file, told)


@ON_BOTH
def test_a_highest_number_below_that_of_a_row_does_not_count(catalog_on: MakeSettings, file: Path, kind: str) -> None:
    backed_up(catalog_on, file)
    rewritten(file, "manifest.json", lambda text: text.replace(f'"highest": {ROWS}'.encode(), b'"highest": 1'))
    new = open_engine(catalog_on(kind))

    restore(new, file, MIGRATIONS)

    values = {"acted_at": datetime.now(UTC), "actor": "a", "act": "b", "subject": "c", "reason": "d"}
    with new.begin() as connection:
        key = connection.execute(insert(AuditRow).values(values)).inserted_primary_key
    assert (ROWS + 1,) == tuple(key or ())


def test_a_member_of_the_owner_restores_and_a_writer_backs_up(
    server: PostgresServer, catalog_on: MakeSettings, file: Path
) -> None:
    old, new = catalog_on("postgres"), catalog_on("postgres")
    fill(made_catalog(old))
    server.run_sql("DROP ROLE IF EXISTS deployment")
    server.run_sql("DROP ROLE IF EXISTS pipeline")
    server.run_sql("CREATE ROLE deployment LOGIN IN ROLE trading_assets_development_owner")
    server.run_sql("CREATE ROLE pipeline LOGIN IN ROLE trading_assets_development_writer")
    database = catalog_url(new).database or ""
    server.run_sql("CREATE SCHEMA development AUTHORIZATION trading_assets_development_owner", database=database)

    made = back_up(open_engine(as_user(old, "pipeline")), file, environment="development")
    restore(open_engine(as_user(new, "deployment")), file, MIGRATIONS)

    assert rows(open_engine(old)) == rows(open_engine(new))
    assert ROWS == made.tables["tickets"].highest
    assert [] == check_health(as_user(new, "pipeline")).faults
    with pytest.raises(CatalogFailed, match="no member of trading_assets_development_owner"):
        restore(open_engine(as_user(catalog_on("postgres"), "pipeline")), file, MIGRATIONS)


def as_user(settings: Settings, user: str) -> Settings:
    url = catalog_url(settings).set(username=user).render_as_string(hide_password=False)
    return settings.model_copy(update={"catalog": settings.catalog.model_copy(update={"url": SecretStr(url)})})


def test_what_postgres_cannot_hold_is_refused_by_name(catalog_on: MakeSettings, file: Path) -> None:
    old, new = made_catalog(catalog_on("sqlite")), open_engine(catalog_on("postgres"))
    with old.begin() as connection:
        connection.execute(text("INSERT INTO recorded_texts (digest, text) VALUES ('d', :text)"), {"text": "a\0b"})
    back_up(old, file, environment="development")

    with pytest.raises(NotABackup, match=r"cannot hold recorded_texts of the backup: .*NUL"):
        restore(new, file, MIGRATIONS)
    assert {0} == {len(found) for found in rows(new).values()}


def backed_up(catalog_on: MakeSettings, file: Path) -> bytes:
    engine = made_catalog(catalog_on("sqlite"))
    fill(engine)
    back_up(engine, file, environment="development")
    return file.read_bytes()


def rewritten(file: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, change(content) if each == name else content)


def rewritten_with_its_digest(file: Path, table: str, change: Callable[[bytes], bytes]) -> None:
    """Edit a table as somebody who knows how backups are checked."""
    rewritten(file, f"tables/{table}.jsonl", change)
    with zipfile.ZipFile(file) as archive:
        rows = archive.read(f"tables/{table}.jsonl")
    told = {"sha256": hashlib.sha256(rows).hexdigest(), "n_rows": rows.count(b"\n")}

    def said(text: bytes) -> bytes:
        manifest = json.loads(text)
        manifest["tables"][table] |= told
        return json.dumps(manifest).encode()

    rewritten(file, "manifest.json", said)


def assert_refused(catalog_on: MakeSettings, file: Path, told: str) -> None:
    """A refusal is one line that names the file, and the catalogue has no rows then."""
    engine = open_engine(catalog_on("sqlite"))
    with pytest.raises(NotABackup, match=told) as refused:
        restore(engine, file, MIGRATIONS)
    assert str(refused.value).isprintable()
    with engine.connect() as connection:
        if connection.dialect.has_table(connection, "tickets"):
            assert 0 == connection.scalar(text("SELECT count(*) FROM tickets"))
