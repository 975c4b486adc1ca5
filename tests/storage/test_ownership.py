"""A lake has one catalogue: another neither publishes into it nor removes what it does not know."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from catalog_kinds import MakeSettings, catalog_on, server  # noqa: F401 - fixtures
from full_catalogs import made_catalog
from sqlalchemy import Engine

from trading_assets.errors import ForeignLake
from trading_assets.health.check import check_health
from trading_assets.identifiers import Partition
from trading_assets.settings import Settings
from trading_assets.storage import ownership
from trading_assets.storage.database.transactions import query
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Judgement, Origin
from trading_assets.storage.store import Store
from trading_assets.storage.upkeep.retention import objects, removable_objects

KINDS = ("sqlite", "postgres")
DAY = Partition.parse("2024-08-08|BTCUSDT.BINANCE")
ORIGIN = Origin("1", "settings", ())
PASSED = (Judgement("is_fine", "n", 0.0, 0.0, 0.0, passed=True),)


@pytest.fixture
def root(settings: Settings) -> Path:
    return settings.path(settings.lake.root)


def write(path: Path, text: str) -> None:
    path.write_text(text)


def publish(root: Path, engine: Engine, text: str) -> None:
    lake = Lake(Store(root), engine)
    with lake.ticket("step", DAY, run_id="run") as ticket:
        staged = lake.stage(ticket, "notes", "json", lambda path: write(path, text))
        lake.publish(ticket, [replace(staged, judgements=PASSED)], ORIGIN)


def removable(root: Path, engine: Engine) -> list[str]:
    later = datetime.now(UTC) + timedelta(days=1)
    return [each.name for each in removable_objects(Lake(Store(root), engine), later)]


def name_of(root: Path, engine: Engine) -> str:
    return query(engine, lambda session: ownership.name_of(session.connection(), root))


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
def test_another_catalogue_publishes_nothing_and_removes_nothing(
    catalog_on: MakeSettings,  # noqa: F811 - the fixture
    root: Path,
    first: str,
    second: str,
) -> None:
    own, other = made_catalog(catalog_on(first)), made_catalog(catalog_on(second))
    publish(root, own, "1")

    with pytest.raises(ForeignLake, match=r"lake\.root.*db adopt"):
        publish(root, other, "2")
    with pytest.raises(ForeignLake, match="is the lake of the catalogue"):
        removable(root, other)
    assert [] == removable(root, own)
    assert 1 == len(list(objects(Lake(Store(root), own))))


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_adopts_a_lake_shuts_the_other_out(
    catalog_on: MakeSettings,  # noqa: F811 - the fixture
    root: Path,
    kind: str,
) -> None:
    old, new = made_catalog(catalog_on("sqlite")), made_catalog(catalog_on(kind))
    publish(root, old, "1")

    assert name_of(root, old) == ownership.adopt(root, name_of(root, new))

    publish(root, new, "2")
    with pytest.raises(ForeignLake):
        publish(root, old, "3")


def test_an_empty_catalogue_removes_nothing_of_a_lake_that_is_nobodys(
    catalog_on: MakeSettings,  # noqa: F811 - the fixture
    root: Path,
) -> None:
    own = made_catalog(catalog_on("sqlite"))
    publish(root, own, "1")
    (root / "catalog-name.txt").unlink()

    with pytest.raises(ForeignLake, match="has published nothing"):
        removable(root, made_catalog(catalog_on("sqlite")))
    assert [] == removable(root, own)


@pytest.mark.parametrize("text", ["", "\n"])
def test_a_name_that_was_lost_is_written_anew(
    catalog_on: MakeSettings,  # noqa: F811 - the fixture
    root: Path,
    text: str,
) -> None:
    own = made_catalog(catalog_on("sqlite"))
    root.mkdir(parents=True, exist_ok=True)
    (root / "catalog-name.txt").write_text(text)

    publish(root, own, "1")

    assert name_of(root, own) == ownership.owner_of(root)


def test_one_of_many_that_claim_a_lake_at_once_has_it(root: Path) -> None:
    def claimed(name: str) -> bool:
        try:
            ownership.claim(root, name)
        except ForeignLake:
            return False
        return True

    for _ in range(20):
        shutil.rmtree(root, ignore_errors=True)
        with ThreadPoolExecutor(4) as pool:
            assert 1 == sum(pool.map(claimed, "abcd"))
        assert ["catalog-name.txt"] == [path.name for path in root.iterdir()]


def test_a_lake_and_its_file_move_together(settings: Settings, tmp_path: Path) -> None:
    old = settings.model_copy(update={"root": tmp_path / "old"})
    publish(old.path(old.lake.root), made_catalog(old), "1")

    (tmp_path / "old").rename(tmp_path / "new")

    new = settings.model_copy(update={"root": tmp_path / "new"})
    publish(new.path(new.lake.root), made_catalog(new), "2")


def test_another_way_to_the_same_file_is_no_other_catalogue(settings: Settings, tmp_path: Path) -> None:
    root = settings.path(settings.lake.root)
    publish(root, made_catalog(settings), "1")
    (tmp_path / "link").symlink_to(settings.root)

    linked = settings.model_copy(update={"root": tmp_path / "link"})
    publish(root, made_catalog(linked), "2")


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_at_the_catalogue_tells_of_a_lake_that_is_anothers(
    catalog_on: MakeSettings,  # noqa: F811 - the fixture
    root: Path,
    kind: str,
) -> None:
    publish(root, made_catalog(catalog_on("sqlite")), "1")
    other = catalog_on(kind)
    made_catalog(other)

    assert any("is the lake of the catalogue" in fault for fault in check_health(other).faults)
