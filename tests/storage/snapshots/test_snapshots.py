from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from catalogs import settings_in
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from snapshot_days import DAYS, MARKET, PROJECT, fill, publish
from sqlalchemy.orm import Session

from trading_assets.errors import CorruptObject, InvalidIdentifier, NoSnapshot, NotPublished
from trading_assets.identifiers import Instrument, Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.database.migrate import upgrade_catalog
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.records import Origin, Version
from trading_assets.storage.snapshots.history import standing_at, window_at
from trading_assets.storage.snapshots.manifest import Tree, changed_tree, document_of, md5s_of, outs_of, tree_of
from trading_assets.storage.snapshots.snapshots import Change, Snapshots
from trading_assets.storage.upkeep.references import needed, superseded


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


def test_two_who_take_a_snapshot_at_once_take_turns(snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(snapshots.lake, days=DAYS[:2])
    is_between, may_go_on = Event(), Event()

    def passing(effect: Effect) -> None:
        if effect is Effect.LIST_WRITTEN and not is_between.is_set():
            is_between.set()
            assert may_go_on.wait(60)

    monkeypatch.setattr(effects, "passing", passing)
    with ThreadPoolExecutor(2) as both:
        first = both.submit(snapshots.take, actor="somebody")
        assert is_between.wait(60)
        second = both.submit(snapshots.take, actor="somebody else")
        with pytest.raises(TimeoutError):
            second.result(0.5)
        may_go_on.set()

    assert first.result() == second.result()
    assert 1 == len(snapshots.all())


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


def test_a_list_of_files_that_is_not_what_the_history_says_is_not_taken_over(snapshots: Snapshots) -> None:
    fill(snapshots.lake, days=DAYS[:3])
    entries = [each for each in snapshots.entries(snapshots.take(actor="somebody")) if each.asset == "books"]
    tree = tree_of("books", entries)
    damaged = Tree(tree.out, tree.content.replace(b"2024-08-03", b"2024-08-04"))
    other = replace(entries[0], md5="0" * 32)

    assert tree_of("books", entries[1:]) == changed_tree(tree, entries[:1], [])
    with pytest.raises(CorruptObject, match="was damaged after it was written"):
        changed_tree(damaged, entries[:1], [])
    with pytest.raises(CorruptObject, match=r"does not name 2024-08-01/.* as the history does"):
        changed_tree(tree, [other], [])


def test_a_history_that_was_changed_is_noticed(snapshots: Snapshots) -> None:
    fill(snapshots.lake, days=DAYS[:2])
    taken = snapshots.take(actor="somebody", name="before")
    with snapshots.lake.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE versions SET n_bytes = n_bytes + 1 WHERE id = 1")

    with pytest.raises(CorruptObject, match="no longer says what snapshot before said"):
        snapshots.hold(taken)


def test_what_a_snapshot_names_is_needed_with_all_behind_it_and_what_it_does_not_is_not(snapshots: Snapshots) -> None:
    lake = snapshots.lake

    def made(asset: str, value: float, *inputs: Version) -> Version:
        behind = tuple((each.asset, each.partition.day, each.md5) for each in inputs)
        return publish(lake, asset, DAYS[0], [value], origin=Origin("1", "settings", behind))

    before = made("labels", 0.0)
    captures = made("captures", 1.0)
    books = made("books", 2.0, captures)
    features = made("features", 3.0, books)
    labels = made("labels", 4.0, features)
    snapshots.take(actor="somebody")
    after = [made(asset, 5.0) for asset in ("captures", "books", "features", "labels")]
    later = [made(asset, 6.0) for asset in ("captures", "books", "features", "labels")]

    named = {each.md5 for each in (captures, books, features, labels)}
    with Session(lake.engine) as session:
        assert named | {each.md5 for each in later} == needed(session)
        assert {before.md5, *(each.md5 for each in after)} == set(superseded(session))


def test_what_a_standing_version_was_made_of_is_needed_however_far_behind_it_lies(snapshots: Snapshots) -> None:
    lake, chain = snapshots.lake, []
    for n, asset in enumerate(("captures", "books", "features", "labels")):
        behind = tuple((each.asset, each.partition.day, each.md5) for each in chain[-1:])
        chain.append(publish(lake, asset, DAYS[0], [float(n)], origin=Origin("1", "settings", behind)))
    for asset in ("captures", "books", "features"):
        publish(lake, asset, DAYS[0], [9.0])

    with Session(lake.engine) as session:
        assert {each.md5 for each in chain} <= needed(session)


def test_the_past_is_read_as_it_stood(snapshots: Snapshots) -> None:
    lake, market = snapshots.lake, Instrument.parse(MARKET)
    fill(lake)
    taken = snapshots.take(actor="somebody")
    then = {day: lake.find("books", Partition.parse(f"{day}|{MARKET}")) for day in DAYS}
    for day in DAYS:
        publish(lake, "books", day, [-1.0])

    with Session(lake.engine) as session:
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
        with Session(snapshots.lake.engine) as session:
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
    house = Warehouse.open(settings_in(root))
    upgrade_catalog(house.lake.engine, PROJECT / "migrations")
    return house
