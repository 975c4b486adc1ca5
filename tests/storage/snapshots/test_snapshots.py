from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from snapshot_days import DAYS, MARKET, PROJECT, fill, publish

from trading_assets.errors import CorruptObject, InvalidIdentifier, NoSnapshot, NotPublished
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.execute import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage.database import reading
from trading_assets.storage.migrate import upgrade_catalog
from trading_assets.storage.snapshots.history import standing_at, window_at
from trading_assets.storage.snapshots.manifest import document_of, md5s_of, outs_of, tree_of
from trading_assets.storage.snapshots.snapshots import Change, Snapshots


@pytest.fixture
def snapshots(warehouse: Warehouse) -> Snapshots:
    return Snapshots(warehouse.lake)


def test_a_snapshot_names_what_stood_and_goes_on_naming_it(snapshots: Snapshots) -> None:
    fill(snapshots.lake)
    first = snapshots.take(actor="somebody", name="first")
    before = snapshots.entries(first)
    publish(snapshots.lake, "books", DAYS[3], [99.0])
    publish(snapshots.lake, "books", "2024-09-01", [1.0])
    second = snapshots.take(actor="somebody")

    assert before == snapshots.entries(snapshots.find("first"))
    assert 20 == first.n_partitions == len(before)
    assert 21 == second.n_partitions
    assert second == snapshots.find("latest")
    assert [second, first] == snapshots.all()


def test_what_changed_is_named_and_nothing_else(snapshots: Snapshots) -> None:
    fill(snapshots.lake)
    first = snapshots.take(actor="somebody", name="first")
    publish(snapshots.lake, "books", DAYS[3], [99.0, 1.0, 2.0])
    publish(snapshots.lake, "trades", "2024-09-01", [1.0])
    publish(snapshots.lake, "trades", DAYS[0], [7.0])
    publish(snapshots.lake, "trades", DAYS[0], [0.0, 6.0])  # as it was
    second = snapshots.take(actor="somebody")

    def told(changes: list[Change]) -> list[tuple[str, str, int | None, int | None]]:
        return [(c.asset, c.path, c.before and c.before.n_rows, c.after and c.after.n_rows) for c in changes]

    there = [
        ("books", f"{DAYS[3]}/{MARKET}.parquet", 2, 3),
        ("trades", f"2024-09-01/{MARKET}.parquet", None, 1),
    ]
    assert there == told(snapshots.changes(first, second))
    assert [(asset, path, after, before) for asset, path, before, after in there] == told(
        snapshots.changes(second, first)
    )
    assert [] == snapshots.changes(first, first)


def test_where_nothing_changed_the_newest_is_meant_unless_it_is_to_have_another_name(snapshots: Snapshots) -> None:
    fill(snapshots.lake, days=DAYS[:2])
    first = snapshots.take(actor="somebody")

    assert first == snapshots.take(actor="somebody else")
    named = snapshots.take(actor="somebody else", name="named")
    assert (first.text, first.cut) == (named.text, named.cut)
    assert 2 == len(snapshots.all())


def test_a_snapshot_costs_no_second_copy(snapshots: Snapshots) -> None:
    fill(snapshots.lake)
    taken = snapshots.take(actor="somebody")

    for entry in snapshots.entries(taken):
        assert snapshots.cache.path(entry.md5).samefile(snapshots.lake.store.object_path(entry.md5))


def test_of_nothing_there_is_no_snapshot(snapshots: Snapshots) -> None:
    with pytest.raises(NotPublished, match="nothing is published yet"):
        snapshots.take(actor="somebody")
    with pytest.raises(NoSnapshot, match="make one with `trading-assets snapshot create`"):
        snapshots.find("latest")


@pytest.mark.parametrize("name", ["", "latest", "a b", "-x", "../x", "x" * 65, "é"])
def test_a_name_that_cannot_be_one_is_refused(snapshots: Snapshots, name: str) -> None:
    fill(snapshots.lake, days=DAYS[:1])
    with pytest.raises(InvalidIdentifier, match="cannot name a snapshot"):
        snapshots.take(actor="somebody", name=name)
    assert [] == snapshots.all()


def test_a_name_is_given_once(snapshots: Snapshots) -> None:
    fill(snapshots.lake, days=DAYS[:1])
    snapshots.take(actor="somebody", name="mine")
    publish(snapshots.lake, "books", DAYS[1], [1.0])

    with pytest.raises(InvalidIdentifier, match="never rewritten"):
        snapshots.take(actor="somebody", name="mine")
    with pytest.raises(NoSnapshot, match="the newest are mine"):
        snapshots.find("yours")


def test_a_damaged_object_is_found_before_anything_is_named(snapshots: Snapshots) -> None:
    fill(snapshots.lake, days=DAYS[:2])
    version = publish(snapshots.lake, "books", DAYS[2], [5.0])
    path = snapshots.lake.store.object_path(version.md5)
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.chmod(0o644)
    path.write_bytes(damaged)

    with pytest.raises(CorruptObject, match=version.md5):
        snapshots.take(actor="somebody")
    assert [] == snapshots.all()


def test_the_past_is_read_as_it_stood(snapshots: Snapshots) -> None:
    lake, market = snapshots.lake, Instrument.parse(MARKET)
    fill(lake)
    taken = snapshots.take(actor="somebody")
    then = {day: lake.find("books", Partition.parse(f"{day}|{MARKET}")) for day in DAYS}
    for day in DAYS:
        publish(lake, "books", day, [-1.0])

    with reading(lake.engine) as session:
        days = [Partition.parse(f"{day}|{MARKET}").day for day in DAYS]
        found = window_at(session, taken.cut, ["books"], market, days[2], days[5])
    assert {("books", day): then[name] for day, name in zip(days[2:6], DAYS[2:6], strict=True)} == found


@given(
    st.lists(
        st.tuples(st.sampled_from(["books", "trades", "labels"]), st.integers(0, 4), st.integers(0, 3)), max_size=25
    ),
    st.dictionaries(st.integers(0, 24), st.sampled_from(["leave", "lose", "damage"])),
)
@hypothesis_settings(max_examples=15)
def test_lists_of_files_that_grow_are_those_that_are_made_anew(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int, int]], looks: dict[int, str]
) -> None:
    """Each snapshot takes over what did not change from the one before; read from the history, all are the same.

    Also where the lists of the one before were lost or damaged in the meantime.
    """
    snapshots = Snapshots(_house(tmp_path_factory.mktemp("lake")).lake)
    taken, lists = [], {}
    for n, (asset, day, value) in enumerate(acts):
        publish(snapshots.lake, asset, DAYS[day], [float(value)])
        if n not in looks:
            continue
        snapshot = snapshots.take(actor="somebody")
        if snapshot in taken:
            continue
        taken.append(snapshot)
        _harm({snapshots.cache.path(out.tree) for out in snapshot.outs}, looks[n], lists)

    for path, content in lists.items():
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    for snapshot in taken:
        with reading(snapshots.lake.engine) as session:
            entries = list(standing_at(session, snapshot.cut))
        trees = {
            asset: tree_of(asset, [e for e in entries if e.asset == asset]) for asset in {e.asset for e in entries}
        }
        assert document_of(tree.out for tree in trees.values()) == snapshot.text
        assert len(entries) == snapshot.n_partitions
        for out in outs_of(snapshot.text):
            kept = snapshots.cache.path(out.tree).read_bytes()
            assert md5s_of(kept, out.tree) == {e.path: e.md5 for e in entries if e.asset == out.asset}
    assert all(older.cut < newer.cut for older, newer in pairwise(taken))


def _harm(paths: set[Path], how: str, kept: dict[Path, bytes]) -> None:
    """Lose or damage files, of which the first contents are kept."""
    for path in paths:
        if path.exists() and path not in kept:
            kept[path] = path.read_bytes()
        if how != "leave":
            path.unlink(missing_ok=True)
        if how == "damage":
            path.write_bytes(kept[path].replace(b"2024", b"2025", 1))


def _house(root: Path) -> Warehouse:
    house = Warehouse.open(load_settings(PROJECT, environment="development").model_copy(update={"root": root}))
    upgrade_catalog(house.lake.engine, PROJECT / "migrations")
    return house
