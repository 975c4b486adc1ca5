import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from command_line import KEY_8, CommandLine, new_project

from trading_assets.errors import NoSnapshot, NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.snapshot_asset import data_snapshot
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.reading import read_table
from trading_assets.settings import load_settings
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.records import Draft, Judgement, Origin, Version
from trading_assets.storage.snapshots.snapshots import Snapshots

PASSED = (Judgement("it_is", "n", 1.0, 1.0, None, passed=True),)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    root = new_project(tmp_path / "project")
    remote = tmp_path / "remote"
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text(
        f"[core]\n    no_scm = true\n    remote = backup\n['remote \"backup\"']\n    url = {remote}\n"
    )
    return CommandLine(root, monkeypatch, capsys)


def house_of(command: CommandLine) -> Warehouse:
    return Warehouse.open(load_settings(command.root, environment="development"))


def publish(
    house: Warehouse, frame: pl.DataFrame, *, asset: str = "book_features", inputs: tuple[Version, ...] = ()
) -> Version:
    made_of = tuple(sorted((each.asset, each.partition.day, each.md5) for each in inputs))
    with house.lake.ticket(asset, Partition.parse(KEY_8), run_id="run") as ticket:
        made = house.lake.stage(ticket, asset, PARQUET, lambda path: write_parquet(frame, path))
        draft = Draft(made.asset, made.suffix, made.file, PASSED)
        return house.lake.publish(ticket, [draft], Origin("1", "s", made_of))[asset]


def test_a_snapshot_is_made_listed_shown_compared_copied_and_brought_back(command: CommandLine) -> None:
    house = house_of(command)
    assert "there is none yet" in command("snapshot", "list").out
    version = publish(house, pl.DataFrame({"x": [1.0, 2.0], "y": [1, 2]}))
    assert "first: 1 partitions" in command("snapshot", "create", "--name", "first").out
    publish(house, pl.DataFrame({"x": [1.0, 3.0], "z": [1, 2]}))
    command("snapshot", "create", "--name", "second")

    assert "second" in command("snapshot", "list").out
    assert "complete in: no remote" in command("snapshot", "show", "first").out
    text = command("snapshot", "show", "first", "--text").out
    assert "path: data/book_features" in text
    told = command("snapshot", "diff", "first", "second").out
    assert "2024-08-08/BTCUSDT.BINANCE.parquet" in told
    assert "-y, +z, x" in told
    assert "they name the same versions" in command("snapshot", "diff", "first", "first").out

    assert "3 objects" not in command("snapshot", "push", "first").out
    house.lake.store.object_path(version.md5).unlink()
    shutil.rmtree(house.lake.store.root / "cache")
    assert "bring them back with `trading-assets snapshot pull first`" in command("snapshot", "checkout", "first").err
    assert "1 of them from backup" in command("snapshot", "pull", "first").out
    assert "1 files" in command("snapshot", "checkout", "first").out
    copy = command.root / "data" / "book_features" / "2024-08-08" / "BTCUSDT.BINANCE.parquet"
    assert [1.0, 2.0] == pl.read_parquet(copy)["x"].to_list()
    assert text == (command.root / "data.dvc").read_text()


def test_what_there_is_not_is_an_error_in_one_line(command: CommandLine) -> None:
    publish(house_of(command), pl.DataFrame({"x": [1.0]}))

    told = command("snapshot", "show", "nothing")
    assert 1 == told.code
    assert "there is no snapshot 'nothing'" in told.err
    assert 2 == command("snapshot", "create", "--name", "latest").code
    command("snapshot", "create")
    assert "no remote 'elsewhere', there are: backup" in command("snapshot", "push", "latest", "-r", "elsewhere").err
    assert "git" in command("snapshot", "create", "--commit").err


def test_verify_names_heals_and_ends_with_one_while_damage_is_left(command: CommandLine) -> None:
    house = house_of(command)
    version = publish(house, pl.DataFrame({"x": [1.0, 2.0]}))
    assert "all good" in command("verify").out
    command("snapshot", "create")
    assert "no snapshot is complete in backup" in command("verify", "--remote", "backup").err
    command("snapshot", "push", "latest")
    path = house.lake.store.object_path(version.md5)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])

    told = command("verify")
    assert 1 == told.code
    assert version.md5 in told.out
    assert "2 bad copies are left, 0 of which --repair can heal" in told.out
    told = command("verify", "--remote", "backup", "--repair")
    assert 0 == told.code
    assert "all healed" in told.out
    assert "all good" in command("verify", "--since", "2024-01-01", "--sample", "10", "-r", "backup").out
    assert [1.0, 2.0] == house.lake.open(version).collect()["x"].to_list()
    assert [] == [each for each in (house.lake.store.root / "staging").iterdir() if each.is_dir()]


def test_gc_shows_first_and_removes_what_nothing_refers_to(command: CommandLine) -> None:
    house = house_of(command)
    named = publish(house, pl.DataFrame({"x": [1.0]}))
    command("snapshot", "create")
    gone = publish(house, pl.DataFrame({"x": [2.0]}))
    model = publish(house, pl.DataFrame({"x": [5.0]}), asset="model", inputs=(gone,))
    publish(house, pl.DataFrame({"x": [6.0]}), asset="model")
    spare = publish(house, pl.DataFrame({"x": [3.0]}))
    stands = publish(house, pl.DataFrame({"x": [4.0]}))

    assert "nothing is due" in command("gc").out
    told = command("gc", "--days", "0", "--dry-run").out
    assert spare.md5 in told
    assert not any(each.md5 in told for each in (named, gone, model, stands))
    assert "add --yes" in command("gc", "--days", "0").err
    assert "removed 1 objects" in command("gc", "--days", "0", "--yes").out
    assert not house.lake.store.object_path(spare.md5).exists()
    for each in (named, gone, model, stands):
        house.lake.store.verified(each.md5)


def test_lineage_shows_every_version_back_to_the_beginning(command: CommandLine) -> None:
    house = house_of(command)
    captures = publish(house, pl.DataFrame({"x": [1.0]}), asset="captures")
    books = publish(house, pl.DataFrame({"x": [2.0]}), asset="raw_l2_snapshots", inputs=(captures,))
    trades = publish(house, pl.DataFrame({"x": [3.0]}), asset="raw_trades", inputs=(captures,))
    features = publish(house, pl.DataFrame({"x": [4.0]}), inputs=(books, trades))
    publish(house, pl.DataFrame({"x": [9.0]}), asset="raw_trades")

    told = command("lineage", "book_features", KEY_8).out
    assert all(each.md5 in told for each in (features, books, trades, captures))
    assert 1 == told.count("as above")
    assert "is not published" in command("lineage", "labels", KEY_8).err


def test_the_past_is_read_by_the_name_of_a_snapshot(command: CommandLine) -> None:
    house = house_of(command)
    publish(house, pl.DataFrame({"x": [0.0]}), asset="captures")
    command("snapshot", "create", "--name", "too-early")
    publish(house, pl.DataFrame({"x": [1.0]}))
    command("snapshot", "create", "--name", "then")
    publish(house, pl.DataFrame({"x": [2.0]}))

    def values(**when: str) -> list[float]:
        window = ("book_features", "BTCUSDT.BINANCE", "2024-08-01", "2024-08-31")
        return read_table(*window, warehouse=house, **when).collect()["x"].to_list()

    assert [1.0] == values(as_of="then")
    assert [1.0] == values(as_of="latest")
    assert [2.0] == values()
    with pytest.raises(NotPublished, match="did not stand when snapshot too-early was taken"):
        values(as_of="too-early")
    with pytest.raises(NoSnapshot):
        values(as_of="never")


def test_the_asset_takes_a_snapshot_and_pushes_it_where_that_is_set(command: CommandLine) -> None:
    settings = load_settings(command.root, environment="development")
    pushing = settings.model_copy(update={"snapshots": settings.snapshots.model_copy(update={"remote": "backup"})})
    house = house_of(command)
    version = publish(house, pl.DataFrame({"x": [1.0]}))
    asset = data_snapshot(["book_features"], pushing)

    def materialize() -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [asset], instance=dg.DagsterInstance.ephemeral(), resources=resources(pushing), raise_on_error=False
        )

    done = materialize()
    assert done.success
    assert {True} == {each.passed for each in done.get_asset_check_evaluations()}
    assert 2 == len(done.get_asset_check_evaluations())
    assert {"backup"} == set(Snapshots(house.lake).find("latest").copies)

    publish(house, pl.DataFrame({"x": [2.0]}))
    newest = house.lake.find("book_features", Partition.parse(KEY_8))
    assert newest
    assert newest != version
    path = house.lake.store.object_path(newest.md5)
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    refused = materialize()
    assert not refused.success
    assert [False] == [each.passed for each in refused.get_asset_check_evaluations()]
    assert 1 == len(Snapshots(house.lake).all())
