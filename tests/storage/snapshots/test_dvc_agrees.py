"""Stock `dvc` on snapshots: what we write without it, it has to read as its own."""

import hashlib
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import pytest
from snapshot_days import DAYS, PROJECT, as_dvc_project, dvc, files_under, fill, overwritten, publish

from trading_assets.errors import CorruptObject, DiskFull, NotCommitted, RemoteFailed
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.snapshots.checkout import Workspace
from trading_assets.storage.snapshots.remotes import Remotes
from trading_assets.storage.snapshots.snapshots import Snapshots

pytestmark = pytest.mark.timeout(600)

LARGE = 2_000_000
"""More bytes than a catalogue or a state of DVC's has here, and fewer than one published file."""


@pytest.fixture
def snapshots(warehouse: Warehouse) -> Snapshots:
    fill(warehouse.lake)
    return Snapshots(warehouse.lake)


@pytest.fixture
def root(warehouse: Warehouse) -> Path:
    as_dvc_project(warehouse.settings.root)
    return warehouse.settings.root


@pytest.fixture
def remote(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, which is the project's default remote."""
    folder = tmp_path_factory.mktemp("remote")
    dvc(root, "remote", "add", "--default", "backup", str(folder))
    return folder


def test_dvc_status_is_clean_after_a_checkout_and_sees_every_change_to_a_copy(snapshots: Snapshots, root: Path) -> None:
    workspace = Workspace(root, snapshots)
    folder = workspace.check_out(snapshots.take(actor="somebody"))

    assert 20 == len(files_under(folder))
    assert "up to date" in dvc(root, "status")
    copy = folder / "books" / DAYS[0] / "BTCUSDT.BINANCE.parquet"
    copy.write_bytes(b"mine now")
    assert "data/books" in dvc(root, "status")


def test_whatever_is_done_to_the_copies_the_lake_keeps_its_own(snapshots: Snapshots, root: Path) -> None:
    workspace = Workspace(root, snapshots)
    taken = snapshots.take(actor="somebody")
    folder = workspace.check_out(taken)
    before = files_under(folder)
    for n, path in enumerate(sorted(folder.rglob("*.parquet"))):
        if n % 2:
            path.unlink()
        else:
            path.chmod(0o644)
            with path.open("r+b") as file:
                file.write(b"edited in place")

    for entry in snapshots.entries(taken):
        snapshots.lake.store.verified(entry.md5)
    with pytest.raises(RemoteFailed, match=r"(?s)DVC.*"):
        workspace.check_out(taken)
    assert before == files_under(workspace.check_out(taken, is_forced=True))


def test_folders_that_an_older_snapshot_does_not_name_go_and_what_people_put_beside_them_stays(
    snapshots: Snapshots, root: Path
) -> None:
    workspace = Workspace(root, snapshots)
    older = snapshots.take(actor="somebody")
    publish(snapshots.lake, "labels", DAYS[0], [1.0])
    newer = snapshots.take(actor="somebody")
    before = files_under(workspace.check_out(older))
    folder = workspace.check_out(newer)
    mine, copy = folder / "mine" / "notes.txt", folder / "labels" / DAYS[0] / "BTCUSDT.BINANCE.parquet"
    mine.parent.mkdir()
    mine.write_text("mine")
    copy.write_bytes(b"mine too")

    with pytest.raises(RemoteFailed, match=r"data/labels: changed .* --force"):
        workspace.check_out(older)
    assert copy.read_bytes() == b"mine too"
    workspace.check_out(newer, is_forced=True)
    assert {**before, "mine/notes.txt": b"mine"} == files_under(workspace.check_out(older))
    assert "up to date" in dvc(root, "status")
    (root / "data.dvc").write_text("<<<<<<< in a merge\nouts:\n")
    workspace.check_out(older)
    assert "up to date" in dvc(root, "status")


def test_a_snapshot_comes_back_from_a_remote_byte_for_byte_after_everything_here_was_lost(
    snapshots: Snapshots, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dvc(root, "remote", "add", "--default", "backup", str(tmp_path_factory.mktemp("remote")))
    workspace, remotes = Workspace(root, snapshots), Remotes(root, snapshots)
    taken = snapshots.take(actor="somebody", name="before")
    before = files_under(workspace.check_out(taken))
    pushed = remotes.push(taken)
    for day in DAYS:
        publish(snapshots.lake, "books", day, [-1.0])
    lost = {entry.md5 for entry in snapshots.entries(taken)}
    for md5 in lost:
        snapshots.lake.store.object_path(md5).unlink()
    shutil.rmtree(snapshots.cache.folder)
    shutil.rmtree(root / "data")

    with pytest.raises(RemoteFailed, match="trading-assets snapshot pull before"):
        workspace.check_out(taken)
    pulled = remotes.pull(taken)
    assert before == files_under(workspace.check_out(taken))
    assert "up to date" in dvc(root, "status")
    assert "in sync" in dvc(root, "status", "--cloud")
    assert pushed.n_objects == pulled.n_objects == len(lost) + 2
    assert pulled.n_moved == len(lost)
    for md5 in lost:
        snapshots.lake.store.verified(md5)
    assert {"backup"} == set(snapshots.find("before").copies)


def test_stock_commands_push_pull_and_get_what_was_committed(
    snapshots: Snapshots, root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    dvc(root, "remote", "add", "--default", "backup", str(tmp_path_factory.mktemp("remote")))
    workspace = Workspace(root, snapshots)
    then = workspace.commit(snapshots.take(actor="somebody"))
    assert then == workspace.commit(snapshots.find("latest"))
    before = {entry.path: entry.md5 for entry in snapshots.entries(snapshots.find("latest")) if entry.asset == "books"}
    assert "pushed" in dvc(root, "push")
    publish(snapshots.lake, "books", DAYS[0], [-1.0])
    now = workspace.commit(snapshots.take(actor="somebody"))
    assert then != now

    got = tmp_path_factory.mktemp("got") / "books"
    dvc(got.parent, "get", str(root), "data/books", "--rev", then, "--out", str(got))
    assert set(before) == {str(path.relative_to(got)) for path in got.rglob("*.parquet")}
    shutil.rmtree(snapshots.cache.folder)
    dvc(root, "pull", "--force", fails=True)  # the second snapshot was not pushed
    snapshots.hold(snapshots.find("latest"))
    dvc(root, "checkout", "--force")
    assert "up to date" in dvc(root, "status")


def test_stock_collection_cannot_reach_the_lake(snapshots: Snapshots, root: Path) -> None:
    workspace = Workspace(root, snapshots)
    taken = snapshots.take(actor="somebody")
    before = files_under(workspace.check_out(taken))
    (root / "data.dvc").unlink()
    shutil.rmtree(root / "data")
    dvc(root, "gc", "--workspace", "--force")
    assert [] == [path for path in snapshots.cache.folder.rglob("*") if path.is_file()]

    for entry in snapshots.entries(taken):
        snapshots.lake.store.verified(entry.md5)
    assert before == files_under(workspace.check_out(taken))


def test_without_a_remote_the_error_says_how_to_add_one(snapshots: Snapshots, root: Path) -> None:
    taken = snapshots.take(actor="somebody")
    for attempt in (Remotes(root, snapshots).push, Remotes(root, snapshots).pull):
        with pytest.raises(RemoteFailed, match="dvc remote add --default NAME URL"):
            attempt(taken)
        with pytest.raises(RemoteFailed, match="no remote 'elsewhere'"):
            attempt(taken, "elsewhere")


def test_without_git_there_is_a_snapshot_but_no_commit(warehouse: Warehouse) -> None:
    fill(warehouse.lake, days=DAYS[:1])
    snapshots = Snapshots(warehouse.lake)
    taken = snapshots.take(actor="somebody")

    root = warehouse.settings.root
    workspace = Workspace(root, snapshots)
    with pytest.raises(NotCommitted, match=r"git: fatal: not a git repository.* `git add data.dvc && git commit`"):
        workspace.commit(taken)
    assert taken.text == (root / "data.dvc").read_text()
    assert 2 == len(files_under(workspace.check_out(taken)))


def test_a_project_that_is_no_clone_has_its_snapshots_until_it_is_one_and_then(warehouse: Warehouse) -> None:
    fill(warehouse.lake, days=DAYS[:1])
    root, snapshots = warehouse.settings.root, Snapshots(warehouse.lake)
    (root / ".dvc").mkdir()
    shutil.copy(PROJECT / ".dvc" / "config", root / ".dvc")
    taken = snapshots.take(actor="somebody")

    Workspace(root, snapshots).check_out(taken)
    assert "up to date" in dvc(root, "status")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    Workspace(root, snapshots).check_out(taken)
    assert "no_scm" not in (root / ".dvc" / "config.local").read_text()
    assert "up to date" in dvc(root, "status")


@pytest.mark.usefixtures("remote")
def test_a_push_that_does_not_arrive_is_not_complete(snapshots: Snapshots, root: Path) -> None:
    taken = snapshots.take(actor="somebody", name="before")
    entry = snapshots.entries(taken)[0]
    snapshots.lake.store.object_path(entry.md5).unlink()
    snapshots.cache.path(entry.md5).unlink()

    with pytest.raises(RemoteFailed, match="does not have 2 of the 22 objects"):  # it, and the list that names it
        Remotes(root, snapshots).push(taken)
    assert {} == snapshots.find("before").copies


def test_a_remote_that_lost_an_object_behind_our_back_gets_it_again(
    snapshots: Snapshots, root: Path, remote: Path
) -> None:
    taken = snapshots.take(actor="somebody")
    remotes = Remotes(root, snapshots)
    remotes.push(taken)
    md5 = snapshots.entries(taken)[7].md5
    (remote / "files" / "md5" / md5[:2] / md5[2:]).unlink()

    assert 1 == remotes.push(taken).n_moved
    assert 0 == remotes.push(taken).n_moved


def test_what_was_damaged_in_a_remote_does_not_come_back_by_any_command(
    snapshots: Snapshots, root: Path, remote: Path
) -> None:
    taken = snapshots.take(actor="somebody", name="before")
    Workspace(root, snapshots).check_out(taken)
    remotes = Remotes(root, snapshots)
    remotes.push(taken)
    md5 = snapshots.entries(taken)[7].md5
    damaged = remote / "files" / "md5" / md5[:2] / md5[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[::-1])
    damaged.chmod(0o444)  # as it was: DVC looks twice at what is not protected
    for path in (snapshots.lake.store.object_path(md5), snapshots.cache.path(md5)):
        path.unlink()

    with pytest.raises(RemoteFailed, match=f"no good copy of 1 of the .* such as {md5}"):
        remotes.pull(taken)
    shutil.rmtree(root / "data")
    dvc(root, "pull", fails=True)
    assert not snapshots.lake.store.object_path(md5).exists()
    assert not snapshots.cache.path(md5).exists()
    assert md5 not in {hashlib.md5(content).hexdigest() for content in files_under(root / "data").values()}  # noqa: S324 - the address of an object


def test_what_was_damaged_here_is_neither_pushed_nor_checked_out(
    snapshots: Snapshots, root: Path, remote: Path
) -> None:
    taken = snapshots.take(actor="somebody", name="before")
    md5 = snapshots.entries(taken)[7].md5
    path = snapshots.lake.store.object_path(md5)
    good = path.read_bytes()
    overwritten(path, good[::-1])

    for attempt in (Remotes(root, snapshots).push, Workspace(root, snapshots).check_out):
        with pytest.raises(CorruptObject, match=rf"object {md5} .*verify --repair"):
            attempt(taken)
    assert {} == snapshots.find("before").copies
    assert not (root / "data").exists()
    assert {} == files_under(remote)

    overwritten(path, good)
    Remotes(root, snapshots).push(taken)
    assert 20 == len(files_under(Workspace(root, snapshots).check_out(taken)))


def test_what_was_damaged_in_the_cache_does_not_become_an_object(
    snapshots: Snapshots, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dvc(root, "remote", "add", "--default", "backup", str(tmp_path_factory.mktemp("remote")))
    taken = snapshots.take(actor="somebody")
    Remotes(root, snapshots).push(taken)
    bad, lost = (entry.md5 for entry in snapshots.entries(taken)[7:9])
    overwritten(snapshots.cache.path(bad), b"damaged")
    for md5 in (bad, lost):
        snapshots.lake.store.object_path(md5).unlink()

    with pytest.raises(CorruptObject, match=rf"object {bad} .*verify --repair"):
        Remotes(root, snapshots).pull(taken)
    assert not snapshots.lake.store.object_path(bad).exists()
    snapshots.cache.path(bad).unlink()
    assert 1 == Remotes(root, snapshots).pull(taken).n_moved
    for md5 in (bad, lost):
        snapshots.lake.store.verified(md5)


@contextmanager
def files_at_most(n_bytes: int) -> Iterator[None]:
    """Let this process write no larger files, as a full disk would."""
    before, ignored = getrlimit(RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    setrlimit(RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.usefixtures("remote")
def test_a_disk_that_is_full_while_dvc_moves_files_is_named_as_such(
    snapshots: Snapshots, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(5)
    large = publish(snapshots.lake, "books", DAYS[0], [chance.random() for _ in range(400_000)])
    assert large.n_bytes > LARGE
    taken = snapshots.take(actor="somebody", name="before")
    workspace, remotes = Workspace(root, snapshots), Remotes(root, snapshots)

    with files_at_most(LARGE), pytest.raises(DiskFull, match="data/ of snapshot before"):
        workspace.check_out(taken)
    with files_at_most(LARGE), pytest.raises(RemoteFailed, match=rf"\(.*File too large: .*{large.md5[2:]}"):
        remotes.push(taken)
    assert {} == snapshots.find("before").copies
    remotes.push(taken)
    snapshots.lake.store.object_path(large.md5).unlink()
    snapshots.cache.path(large.md5).unlink()
    with files_at_most(LARGE), pytest.raises(DiskFull, match="snapshot before"):
        remotes.pull(taken)
    assert not snapshots.lake.store.object_path(large.md5).exists()

    remotes.pull(taken)
    assert 20 == len(files_under(workspace.check_out(taken)))
    assert "failed to transfer" not in caplog.text, "DVC tells of each file, and we of all together"


def test_a_lake_elsewhere_is_known_to_dvc(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = warehouse.settings
    elsewhere = tmp_path_factory.mktemp("lake")
    moved = settings.model_copy(update={"lake": settings.lake.model_copy(update={"root": elsewhere})})
    house = Warehouse.open(moved)
    fill(house.lake, days=DAYS[:2])
    as_dvc_project(settings.root)
    snapshots = Snapshots(house.lake)
    Workspace(settings.root, snapshots).check_out(snapshots.take(actor="somebody"))

    assert str(elsewhere) in (settings.root / ".dvc" / "config.local").read_text()
    assert "up to date" in dvc(settings.root, "status")
    assert house.lake.find("books", Partition.parse(f"{DAYS[0]}|BTCUSDT.BINANCE"))
