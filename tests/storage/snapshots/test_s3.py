"""Snapshots in an S3 bucket: a server process that speaks S3 over HTTP, reached as any other would be."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from random import Random

import pytest
from snapshot_days import as_dvc_project, dvc, files_under, fill, flipped, overwritten, truncated

from trading_assets.errors import RemoteFailed
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.copies import CacheCopies, Copies, RemoteCopies, StoreCopies
from trading_assets.storage.snapshots.checkout import Workspace
from trading_assets.storage.snapshots.dvc import dvc_repo, remote_objects
from trading_assets.storage.snapshots.remotes import Remotes
from trading_assets.storage.snapshots.snapshots import Snapshots
from trading_assets.storage.verification import named_objects, verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
BUCKET = "bucket"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Start a server on a free port, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _await(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert server.poll() is None, "the S3 server ended"
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("PUT", f"/{BUCKET}", headers={"Host": f"127.0.0.1:{port}"})
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the S3 server does not answer")


@pytest.fixture
def snapshots(warehouse: Warehouse, endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Snapshots:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    root = warehouse.settings.root
    fill(warehouse.lake)
    as_dvc_project(root)
    dvc(root, "remote", "add", "--default", "s3", f"s3://{BUCKET}/{tmp_path.name}")
    dvc(root, "remote", "modify", "s3", "endpointurl", endpoint)
    return Snapshots(warehouse.lake)


def test_a_snapshot_comes_back_from_s3_byte_for_byte(snapshots: Snapshots, warehouse: Warehouse) -> None:
    root = warehouse.settings.root
    remotes, workspace = Remotes(root, snapshots), Workspace(root, snapshots)
    taken = snapshots.take(actor="somebody")
    before = files_under(workspace.check_out(taken))
    pushed = remotes.push(taken)
    assert 0 == remotes.push(taken).n_moved
    for entry in snapshots.entries(taken):
        snapshots.lake.store.object_path(entry.md5).unlink()
    shutil.rmtree(snapshots.cache.folder)
    shutil.rmtree(root / "data")

    pulled = remotes.pull(taken)
    assert before == files_under(workspace.check_out(taken))
    assert pushed.n_objects == pulled.n_objects == pulled.n_moved + 2
    assert "in sync" in dvc(root, "status", "--cloud")


def test_stock_dvc_pulls_what_we_pushed_to_s3(snapshots: Snapshots, warehouse: Warehouse) -> None:
    root = warehouse.settings.root
    workspace = Workspace(root, snapshots)
    taken = snapshots.take(actor="somebody")
    before = files_under(workspace.check_out(taken))
    Remotes(root, snapshots).push(taken)
    shutil.rmtree(snapshots.cache.folder)
    shutil.rmtree(root / "data")

    dvc(root, "pull")
    assert before == files_under(root / "data")


def test_damage_in_s3_is_found_and_healed(snapshots: Snapshots, warehouse: Warehouse, tmp_path: Path) -> None:
    root = warehouse.settings.root
    taken = snapshots.take(actor="somebody")
    Remotes(root, snapshots).push(taken)
    (tmp_path / "scratch").mkdir()
    with dvc_repo(root, snapshots.cache) as repo, remote_objects(repo, None) as (name, objects):
        bad, gone = (entry.md5 for entry in snapshots.entries(taken)[3:5])
        objects.fs.fs.pipe_file(objects.oid_to_path(bad), b"damaged")
        objects.fs.fs.rm_file(objects.oid_to_path(gone))
        places: list[Copies] = [
            StoreCopies(snapshots.lake.store),
            CacheCopies(snapshots.cache),
            RemoteCopies(name, objects, snapshots.complete_in(name)),
        ]

        def look(scratch: Path | None) -> set[tuple[str, str, bool]]:
            found = verify(named_objects(snapshots.lake), places, scratch=scratch)
            return {(each.named.oid, each.problem, each.is_healed) for some in found for each in some}

        assert {(bad, "damaged", False), (gone, "missing", False)} == look(None)
        assert {(bad, "damaged", True), (gone, "missing", True)} == look(tmp_path / "scratch")
        assert set() == look(None)


@pytest.mark.parametrize(("harm", "n"), [(flipped, 300), (truncated, 50)])
def test_every_damaged_copy_is_found_and_healed_in_s3_too(
    snapshots: Snapshots, warehouse: Warehouse, tmp_path: Path, harm: Callable[[bytes, Random], bytes], n: int
) -> None:
    root, chance = warehouse.settings.root, Random(n)
    taken = snapshots.take(actor="somebody")
    Remotes(root, snapshots).push(taken)
    (tmp_path / "scratch").mkdir()
    with dvc_repo(root, snapshots.cache) as repo, remote_objects(repo, None) as (name, objects):
        bucket, store = objects.fs.fs, snapshots.lake.store
        places: list[Copies] = [StoreCopies(store), RemoteCopies(name, objects, snapshots.complete_in(name))]
        named = {each.oid: each for each in named_objects(snapshots.lake)}
        for trial in range(n):
            md5 = chance.choice(taken_md5s := sorted({entry.md5 for entry in snapshots.entries(taken)}))
            good = store.verified(md5).read_bytes()
            if is_here := trial % 2 == 0:
                overwritten(store.object_path(md5), harm(good, chance))
            else:
                bucket.pipe_file(objects.oid_to_path(md5), harm(good, chance))
            (found,) = verify([named[md5]], places, scratch=None)
            (healed,) = verify([named[md5]], places, scratch=tmp_path / "scratch")

            assert [("damaged", name if is_here else "store")] == [(each.problem, each.good) for each in found]
            assert [True] == [each.is_healed for each in healed]
            assert good == store.verified(md5).read_bytes() == bucket.cat_file(objects.oid_to_path(md5))
        assert len(taken_md5s) > 5
        assert [] == [each for some in verify(named.values(), places, scratch=None) for each in some]


def test_a_server_that_is_not_there_is_an_error_in_words(snapshots: Snapshots, warehouse: Warehouse) -> None:
    root = warehouse.settings.root
    dvc(root, "remote", "modify", "s3", "endpointurl", "http://127.0.0.1:9")
    taken = snapshots.take(actor="somebody")

    with pytest.raises(RemoteFailed, match="remote 's3'"):
        Remotes(root, snapshots).push(taken)
    assert {} == snapshots.find("latest").copies
