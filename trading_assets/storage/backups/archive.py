"""The file of a backup: a zip with `manifest.json`, and the rows of each table as `tables/NAME.jsonl`.

Any zip tool opens it, and the digest of a table is the SHA-256 of its member: `unzip -p FILE tables/tickets.jsonl |
sha256sum`. A file is written aside, synced and renamed, so that one that has its name is whole.

Belongs here: the file, and whether it is one. Does not: what a row looks like (cells), databases (backup, restore).
"""

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import mkstemp
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trading_assets.errors import BackupExists, NotABackup
from trading_assets.storage.durability.disk_faults import disk_faults_named
from trading_assets.storage.durability.folders import sync_folders

FORMAT: Final = "trading_assets catalogue"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
_MAX_MANIFEST: Final = 1 << 20
_BATCH: Final = 1_000
_MAX_LINE: Final = 1 << 26
"""Bytes of one row; the longest that a catalogue has are the texts of snapshots."""
MAX_NUMBER: Final = 1 << 62
"""Below what any database numbers rows with, and above what any will reach."""
_DAMAGE: Final = (BadZipFile, zlib.error, EOFError, KeyError, ValueError, RuntimeError, NotImplementedError)
"""What reading a zip raises whose bytes are not those that were written."""


class TableManifest(BaseModel):
    """What a backup has of one table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...]
    n_rows: int
    sha256: str
    highest: int | None = Field(ge=0, le=MAX_NUMBER)
    """The highest number that was ever given to a row; null where rows have no numbers."""


class Manifest(BaseModel):
    """What a backup is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    revision: str
    """Of the catalogue's schema."""
    taken_at: datetime
    environment: str
    database: str
    """`sqlite` or `postgresql`; it can be restored into either."""
    tables: dict[str, TableManifest]
    """In the order in which they can be filled."""

    @property
    def n_rows(self) -> int:
        """Of all tables."""
        return sum(table.n_rows for table in self.tables.values())


@contextmanager
def written(path: Path, *, is_forced: bool) -> Iterator[IO[bytes]]:
    """Lend a file that takes its name when the block ends well, and is removed when it does not.

    Raises:
        BackupExists: there is a file of this name, and nobody said that it may go.
        DiskFull, DiskFailed: of the disk that it is written to.
    """
    if path.exists() and not is_forced:
        raise BackupExists(f"{path} is there already: choose another name, or replace it with --force")
    if not path.parent.is_dir():
        raise BackupExists(f"{path.parent} is not a folder: make it first")
    with disk_faults_named(path.parent, "the backup"), ExitStack() as undo:
        descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        undo.callback(Path(name).unlink, missing_ok=True)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        sync_folders([path], path.parent)


def write_table(archive: ZipFile, name: str, lines: Iterable[bytes]) -> tuple[int, str]:
    """Add a table's rows; return how many they were, and their digest."""
    digest, n = hashlib.sha256(), 0
    with archive.open(_member(f"tables/{name}.jsonl"), "w", force_zip64=True) as member:
        for n, line in enumerate(lines, 1):  # noqa: B007 - how many they were
            digest.update(line)
            member.write(line)
    return n, digest.hexdigest()


def write_manifest(archive: ZipFile, manifest: Manifest) -> None:
    """Add what the backup is of, which is known last."""
    archive.writestr(_member(MANIFEST), manifest.model_dump_json(indent=1))


@contextmanager
def opened(path: Path) -> Iterator["Backup"]:
    """Open a backup, and look at every byte of it first.

    Raises:
        NotABackup: it is another file, of a newer format, or damaged.
    """
    with path.open("rb") as file, ExitStack() as stack:
        with _damage_named(path):
            backup = Backup(path, stack.enter_context(ZipFile(file)))
            backup.ensure_whole()
        yield backup


class Backup:
    """A backup that is being read."""

    def __init__(self, path: Path, archive: ZipFile) -> None:
        self._path, self._archive = path, archive
        if any(member.compress_type not in {ZIP_DEFLATED, ZIP_STORED} for member in archive.infolist()):
            raise NotABackup("its members are not compressed as those of a backup are")
        self.manifest = _read_manifest(archive)

    def ensure_whole(self) -> None:
        """Compare all that is there with what the manifest says."""
        members = {MANIFEST, *(f"tables/{name}.jsonl" for name in self.manifest.tables)}
        if (found := set(self._archive.namelist())) != members:
            raise NotABackup(f"its members are not those of its manifest: {', '.join(sorted(found ^ members))}")
        for name, table in self.manifest.tables.items():
            digest, n, n_of_line = hashlib.sha256(), 0, 0
            with self._archive.open(f"tables/{name}.jsonl") as member:
                while chunk := member.read(1 << 18):
                    digest.update(chunk)
                    n += chunk.count(b"\n")
                    n_of_line = len(chunk) - chunk.rfind(b"\n") - 1 if b"\n" in chunk else n_of_line + len(chunk)
                    if n_of_line > _MAX_LINE:
                        raise NotABackup(f"a row of {name} is longer than {_MAX_LINE:,} bytes")
            if (n, digest.hexdigest()) != (table.n_rows, table.sha256):
                raise NotABackup(f"the rows of {name} are not those that were written")

    def lines(self, name: str) -> Iterator[list[bytes]]:
        """Read a table's rows, some at a time."""
        with self._archive.open(f"tables/{name}.jsonl") as member:
            while batch := list(islice(member, _BATCH)):
                yield batch


def _read_manifest(archive: ZipFile) -> Manifest:
    with archive.open(MANIFEST) as member:
        text = member.read(_MAX_MANIFEST)
    kind = _Kind.model_validate_json(text)
    if kind.format != FORMAT:
        raise NotABackup("its manifest is of something else")
    if kind.format_version > FORMAT_VERSION:
        raise NotABackup(f"it is of format {kind.format_version}, which this code does not know: update trading_assets")
    return Manifest.model_validate_json(text)


class _Kind(BaseModel):
    """What stays the same in all formats."""

    format: str
    format_version: int


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except NotABackup as error:
        raise NotABackup(f"{path} cannot be restored: {error}") from error
    except ValidationError as error:
        raise NotABackup(f"{path} cannot be restored: its manifest is not one of a backup") from error
    except _DAMAGE as error:
        raise NotABackup(
            f"{path} cannot be restored: it is not a backup, or damaged ({str(error).partition(chr(10))[0]})"
        ) from error


def _member(name: str) -> ZipInfo:
    """Name a member without a clock: equal rows are equal members."""
    member = ZipInfo(name)
    member.compress_type = ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member
