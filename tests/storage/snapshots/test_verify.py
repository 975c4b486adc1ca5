"""Damage to published files: found by readers and by `verify`, here and in a remote, and healed from the other."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from snapshot_days import DAYS, MARKET, as_dvc_project, dvc, fill, flipped, overwritten, publish, truncated

from trading_assets.errors import CorruptObject
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.copies import CacheCopies, Copies, Named, RemoteCopies, StoreCopies
from trading_assets.storage.snapshots.dvc import dvc_repo, remote_objects
from trading_assets.storage.snapshots.remotes import Remotes
from trading_assets.storage.snapshots.snapshots import Snapshots
from trading_assets.storage.verification import Finding, named_objects, verify

SEED = 20_261_123


@dataclass
class House:
    """A lake whose snapshot is complete in a remote."""

    snapshots: Snapshots
    remote: Path
    places: list[Copies]
    scratch: Path

    def look(self, *, heal: bool = False, **choice: object) -> list[Finding]:
        objects = named_objects(self.snapshots.lake, **choice)
        looks = verify(objects, self.places, scratch=self.scratch if heal else None)
        return [finding for found in looks for finding in found]

    def stored(self, md5: str) -> Path:
        return self.snapshots.lake.store.object_path(md5)

    def in_remote(self, md5: str) -> Path:
        return self.remote / "files" / "md5" / md5[:2] / md5[2:]


@pytest.fixture
def house(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    remote, root = tmp_path_factory.mktemp("remote"), warehouse.settings.root
    fill(warehouse.lake)
    as_dvc_project(root)
    dvc(root, "remote", "add", "--default", "backup", str(remote))
    snapshots = Snapshots(warehouse.lake)
    Remotes(root, snapshots).push(snapshots.take(actor="somebody"))
    with dvc_repo(root, snapshots.cache) as repo, remote_objects(repo, None) as (name, objects):
        places: list[Copies] = [
            StoreCopies(warehouse.lake.store),
            CacheCopies(snapshots.cache),
            RemoteCopies(name, objects, snapshots.complete_in(name)),
        ]
        yield House(snapshots, remote, places, tmp_path_factory.mktemp("scratch"))


@pytest.mark.parametrize(("harm", "n"), [(flipped, 300), (truncated, 50)])
def test_every_damaged_copy_is_refused_found_and_healed(
    house: House, harm: Callable[[bytes, random.Random], bytes], n: int
) -> None:
    chance = random.Random(SEED)
    lake = house.snapshots.lake
    standing = {
        version.md5: version
        for day in DAYS
        for asset in ("books", "trades")
        if (version := lake.find(asset, Partition.parse(f"{day}|{MARKET}")))
    }
    for trial in range(n):
        md5 = chance.choice(sorted(standing))
        is_here = trial % 2 == 0
        path, other = (
            (house.stored(md5), house.in_remote(md5)) if is_here else (house.in_remote(md5), house.stored(md5))
        )
        overwritten(path, harm(path.read_bytes(), chance))

        if is_here:
            with pytest.raises(CorruptObject):
                lake.open(standing[md5])
        found = house.look()
        assert {md5} == {each.named.oid for each in found}
        assert {"damaged"} == {each.problem for each in found}
        assert {"backup" if is_here else "store"} == {each.good for each in found}
        assert all(each.is_healed for each in house.look(heal=True))
        assert [] == house.look()
        assert path.read_bytes() == other.read_bytes()
        lake.open(standing[md5])
    assert [] == list(house.scratch.iterdir())


def test_what_has_no_good_copy_is_named_and_left_alone(house: House) -> None:
    chance = random.Random(SEED)
    md5 = house.snapshots.entries(house.snapshots.find("latest"))[4].md5
    for path in (house.stored(md5), house.in_remote(md5)):
        overwritten(path, flipped(path.read_bytes(), chance))
    before = house.stored(md5).read_bytes(), house.in_remote(md5).read_bytes()

    found = house.look(heal=True)
    assert {("store", None), ("DVC's cache", None), ("backup", None)} == {(f.place, f.good) for f in found}
    assert not any(each.is_healed for each in found)
    assert before == (house.stored(md5).read_bytes(), house.in_remote(md5).read_bytes())


@dataclass
class Failing:
    """A place whose copy is good at the first look, and damaged from then on."""

    good: Copies
    name: str = "failing"
    n_looks: int = 0

    def expects(self, named: Named) -> bool:
        return self.good.expects(named)

    def open(self, oid: str) -> BinaryIO:
        self.n_looks += 1
        return self.good.open(oid) if self.n_looks == 1 else BytesIO(b"damaged")

    def replace(self, oid: str, good: Path) -> None:
        raise AssertionError(f"{self.name} has the good copy of {oid}, and gets {good}")


def test_a_copy_that_is_damaged_between_the_look_and_the_healing_heals_nothing(house: House) -> None:
    md5 = house.snapshots.entries(house.snapshots.find("latest"))[4].md5
    path = house.in_remote(md5)
    overwritten(path, flipped(path.read_bytes(), random.Random(SEED)))
    before = house.in_remote(md5).read_bytes()
    places = [Failing(house.places[0]), house.places[2]]
    (named,) = (each for each in named_objects(house.snapshots.lake) if each.oid == md5)

    with pytest.raises(CorruptObject, match="changed while it was copied"):
        list(verify([named], places, scratch=house.scratch))
    assert before == house.in_remote(md5).read_bytes()
    assert [] == list(house.scratch.iterdir())


def test_what_is_missing_is_found_where_it_should_be(house: House) -> None:
    entries = house.snapshots.entries(house.snapshots.find("latest"))
    house.stored(entries[0].md5).unlink()
    house.in_remote(entries[1].md5).unlink()

    found = house.look()
    assert {(entries[0].md5, "store"), (entries[1].md5, "backup")} == {(f.named.oid, f.place) for f in found}
    assert {"missing"} == {each.problem for each in found}
    assert all(each.is_healed for each in house.look(heal=True))
    assert [] == house.look()


def test_a_damaged_list_of_files_in_the_remote_is_healed(house: House) -> None:
    tree = house.snapshots.find("latest").outs[0].tree
    path = house.in_remote(tree)
    overwritten(path, flipped(path.read_bytes(), random.Random(SEED)))

    assert [(tree, "backup", "DVC's cache", True)] == [
        (f.named.oid, f.place, f.good, f.is_healed) for f in house.look(heal=True)
    ]
    assert [] == house.look()


def test_what_retention_removed_is_not_missed(house: House) -> None:
    lake = house.snapshots.lake
    old = publish(lake, "books", "2024-09-01", [1.0])
    publish(lake, "books", "2024-09-01", [2.0])
    house.stored(old.md5).unlink()

    assert [] == house.look()


def test_a_part_can_be_looked_at(house: House) -> None:
    last = publish(house.snapshots.lake, "books", "2024-09-01", [1.0, 2.0])

    assert [last.md5] == [each.oid for each in named_objects(house.snapshots.lake, since=last.published_at)]
    some = named_objects(house.snapshots.lake, sample=5, seed=1)
    assert 5 == len(some) == len({each.oid for each in some})
    assert some == named_objects(house.snapshots.lake, sample=5, seed=1)
    assert 23 == len(named_objects(house.snapshots.lake, sample=1000))
