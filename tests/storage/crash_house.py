"""What tests of crashes do to a lake, and how they look at what is left: plain functions, for any process."""

import hashlib
import json
import stat
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import polars as pl
from catalogs import adopt_copy, copy_catalog, over
from sqlalchemy import select, text

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import _discard
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings, load_settings
from trading_assets.storage.attempts import begun
from trading_assets.storage.catalog import QuarantineRow
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Draft, Judgement, Origin, Ticket, Version
from trading_assets.storage.snapshots.checkout import Workspace
from trading_assets.storage.snapshots.manifest import md5s_of
from trading_assets.storage.snapshots.remotes import Remotes
from trading_assets.storage.snapshots.snapshots import Snapshots
from trading_assets.storage.store import LOCK, READ_ONLY, REPORT
from trading_assets.storage.upkeep.acceptance import accept
from trading_assets.storage.upkeep.quarantine import Quarantine
from trading_assets.storage.upkeep.retention import removable_objects, remove_objects

PROJECT = Path(__file__).resolve().parents[2]
PARTITION = Partition.parse("2024-08-08|BTCUSDT.BINANCE")
ASSETS = ("books", "trades")
ORIGIN = Origin("1", "settings", ())
PASSED = (Judgement("is_fine", "n", 0.0, 0.0, 0.0, passed=True),)
FAILED = (Judgement("is_fine", "n", 3.0, 0.0, 0.0, passed=False),)
OLD, NEW, REFUSED = 1.0, 2.0, 3.0
DVC_CONFIG = """
[core]
    no_scm = true
    remote = backup
['remote "backup"']
    url = {url}
"""
LITTER = "9999-of-a-dead-process"
REMEMBERED = "catalog-*"
"""What a lake remembers of its catalogue and the servers of that."""
HALF = "9998"
"""The ticket of a refusal that was never recorded."""


def open_house(root: Path) -> Warehouse:
    return Warehouse.open(over(root, default_settings()))


def copied(template: Path, root: Path) -> Path:
    """Copy a lake, the second names of its files as second names: else they would be files of their own."""
    copy_catalog(template, root)
    subprocess.run(["cp", "--archive", str(template), str(root)], check=True)
    adopt_copy(template, root)
    return root


@cache
def default_settings() -> Settings:
    return load_settings(PROJECT, environment="development")


def publish(house: Warehouse, value: float = NEW, judgements: tuple[Judgement, ...] = PASSED) -> None:
    """Publish a step of two outputs, as `execute` does, over whatever stands, and drop what had landed.

    The step makes the second output in its workspace, and leaves a file there.
    """
    with house.lake.ticket("pair", PARTITION, run_id=str(value)) as ticket:
        begun(house.lake.engine, ticket, "circumstances")
        made = made_in_workspace(house.lake, ticket, ASSETS[1], value)
        drafts = [
            drafted(house.lake, ticket, ASSETS[0], value, judgements),
            replace(house.lake.stage_made(ticket, ASSETS[1], PARQUET, made), judgements=judgements),
        ]
        house.lake.publish(ticket, drafts, ORIGIN)
    _discard(house.landed(PARTITION))


def refuse(house: Warehouse) -> None:
    """Refuse a step of two outputs, of which one is bad."""
    with house.lake.ticket("pair", PARTITION, run_id="refused") as ticket:
        begun(house.lake.engine, ticket, "circumstances")
        judged = zip(ASSETS, (FAILED, PASSED), strict=True)
        drafts = [drafted(house.lake, ticket, name, REFUSED, judgements) for name, judgements in judged]
        house.lake.refuse(ticket, drafts, ORIGIN, reason="is_fine: 3")


def accept_refused(house: Warehouse) -> None:
    """Vouch for what was refused last."""
    quarantine = Quarantine(house.lake)
    newest = quarantine.newest(ASSETS[0], PARTITION).ticket_id
    accept(house.lake, quarantine.of_ticket(newest), actor="somebody", reason="looked at")


def fail(house: Warehouse) -> None:
    """Fail in the middle of a step, after one of two outputs was staged."""
    with house.lake.ticket("pair", PARTITION, run_id="failed") as ticket:
        drafted(house.lake, ticket, ASSETS[0], NEW, PASSED)
        raise ZeroDivisionError


def take(house: Warehouse) -> None:
    """Take a snapshot of what stands."""
    Snapshots(house.lake).take(actor="somebody")


def remotes(house: Warehouse) -> Remotes:
    """Return the remotes of a lake's project: one folder beside the lake."""
    root = house.settings.root
    (root / ".dvc").mkdir(exist_ok=True)
    (root / ".dvc" / "config").write_text(DVC_CONFIG.format(url=root / "remote"))
    return Remotes(root, Snapshots(house.lake))


def check_out(house: Warehouse) -> None:
    """Fill `data/` with the newest snapshot."""
    snapshots = remotes(house).snapshots
    Workspace(house.settings.root, snapshots).check_out(snapshots.find("latest"))


def collect(house: Warehouse) -> None:
    """Remove everything that nothing refers to."""
    later = datetime.now(UTC) + timedelta(days=1)
    remove_objects(house.lake, removable_objects(house.lake, later), later, actor="somebody")


SCENARIOS: dict[str, Callable[[Warehouse], None]] = {
    "publish": publish,
    "refuse": refuse,
    "fail": fail,
    "accept": accept_refused,
    "snapshot": take,
    "push": lambda house: remotes(house).push(Snapshots(house.lake).find("latest")),
    "checkout": check_out,
    "collect": collect,
    "pull": lambda house: remotes(house).pull(Snapshots(house.lake).find("latest")),
}
OF_SNAPSHOTS = set(range(Effect.OBJECT_NAMED_AGAIN, Effect.OBJECT_REMOVED + 1))
"""Effects that a publication does not have."""


def drafted(lake: Lake, ticket: Ticket, asset: str, value: float, judgements: tuple[Judgement, ...]) -> Draft:
    frame = table(asset, value)
    return replace(lake.stage(ticket, asset, PARQUET, lambda path: write_parquet(frame, path)), judgements=judgements)


def made_in_workspace(lake: Lake, ticket: Ticket, asset: str, value: float) -> Path:
    workspace = lake.store.workspace(ticket.folder)
    (workspace / "scratch").write_bytes(b"half")
    write_parquet(table(asset, value), workspace / "made")
    return workspace / "made"


def table(asset: str, value: float) -> pl.DataFrame:
    return pl.DataFrame({"x": [value, float(ASSETS.index(asset))]})


def litter(house: Warehouse) -> None:
    """Leave what a process leaves that died in a refusal, and a landed file."""
    root = house.lake.store.root
    (root / "staging" / LITTER).mkdir(parents=True)
    (root / "staging" / LITTER / "books.parquet").write_bytes(b"half")
    refused = root / "quarantine" / "books" / str(PARTITION.day) / str(PARTITION.instrument)
    refused.mkdir(parents=True)
    (refused / f"{HALF}.parquet{REPORT}").write_text("{}")
    house.landing(PARTITION).mkdir(parents=True)
    (house.landing(PARTITION) / "lines.jsonl.zst").write_bytes(b"landed")


def standing(house: Warehouse) -> float | None:
    """Read what stands, every byte of it verified: one value of all outputs, or None where there is none."""
    found = house.lake.find_all(ASSETS, [PARTITION])
    values = {asset: house.lake.open(version).collect()["x"][0] for (asset, _), version in found.items()}
    assert len(values) in {0, len(ASSETS)}, f"a part of a step stands: {values}"
    assert len(set(values.values())) <= 1, f"two versions at once: {values}"
    assert all(stat.S_IMODE(path.stat().st_mode) == READ_ONLY for path in objects(house, found.values()))
    return next(iter(values.values()), None)


def objects(house: Warehouse, found: Iterable[Version]) -> list[Path]:
    return [house.lake.store.object_path(version.md5) for version in found]


def assert_catalogue_is_sound(house: Warehouse) -> None:
    if house.lake.engine.dialect.name != "sqlite":
        return  # a server that found damage would have said so
    with house.lake.engine.connect() as connection:
        assert ["ok"] == list(connection.scalars(text("PRAGMA integrity_check")))
        assert [] == list(connection.execute(text("PRAGMA foreign_key_check")))


def assert_refusals_are_whole(house: Warehouse) -> set[Path]:
    """Compare every recorded refusal with its file and its report; return the paths of both.

    The file of one that was accepted may be gone: its bytes are in the store.
    """
    with house.lake.engine.connect() as connection:
        row = QuarantineRow
        rows = list(connection.execute(select(row.ticket_id, row.path, row.md5, row.accepted_at)))
    assert set() == {n for n, *_ in rows if len([row for row in rows if row[0] == n]) != len(ASSETS)}
    paths = set()
    for _, name, md5, accepted_at in rows:
        path = house.lake.store.root / name
        report = path.with_name(path.name + REPORT)
        assert md5 == json.loads(report.read_text())["md5"]
        paths.add(report)
        if not accepted_at or path.exists():
            assert md5 == hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324 - the address of an object
            paths.add(path)
    return paths


def assert_tidy(house: Warehouse, *, spare: frozenset[str] = frozenset()) -> None:
    """Find every file under the lake's root, and that each of them has a reason to be there, or is spare."""
    root = house.lake.store.root
    kept = {house.lake.store.object_path(md5) for md5 in published_md5s(house)}
    wanted = kept | assert_refusals_are_whole(house) | {root / "staging" / LOCK} | set(root.glob(REMEMBERED))
    found = {path for path in root.rglob("*") if path.is_file()} - {house.lake.store.object_path(md5) for md5 in spare}
    assert wanted == found, f"too many: {found - wanted}, missing: {wanted - found}"
    assert [] == [path for path in (root / "staging").iterdir() if path.is_dir()]


def assert_whole(snapshots: Snapshots, name: str) -> None:
    """Find every object and list that a snapshot names, each of them with its own bytes."""
    snapshot = snapshots.find(name)
    for out in snapshot.outs:
        assert out.n_files == len(md5s_of(snapshots.cache.path(out.tree).read_bytes(), out.tree))
    for entry in snapshots.entries(snapshot):
        snapshots.lake.store.verified(entry.md5)
        assert snapshots.cache.path(entry.md5).read_bytes() == snapshots.lake.store.object_path(entry.md5).read_bytes()


def refused_md5s(house: Warehouse) -> frozenset[str]:
    with house.lake.engine.connect() as connection:
        return frozenset(connection.scalars(select(QuarantineRow.md5)))


def published_md5s(house: Warehouse) -> set[str]:
    with house.lake.engine.connect() as connection:
        return set(connection.scalars(text("SELECT md5 FROM versions")))


def assert_old_or_new(house: Warehouse, allowed: set[float | None]) -> None:
    """Look at a lake right after a crash, with the eyes of those who read."""
    assert_catalogue_is_sound(house)
    assert standing(house) in allowed
    assert_refusals_are_whole(house)


def assert_next_run_needs_no_hands(house: Warehouse, *, spare: frozenset[str] = frozenset()) -> None:
    """Publish, and find nothing of the crash left but spare objects, which are retention's business."""
    publish(house)
    assert standing(house) == NEW
    assert_catalogue_is_sound(house)
    assert_tidy(house, spare=spare - published_md5s(house))
