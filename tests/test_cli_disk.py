import json
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from command_line import KEY_8, CommandLine, new_project

from trading_assets.cli.disk import size
from trading_assets.identifiers import Partition
from trading_assets.orchestration.upkeep.event_log import removable_runs, remove_runs
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.records import Draft, Judgement, Origin
from trading_assets.storage.upkeep.audit import trail
from trading_assets.storage.upkeep.usage import disk_use

PASSED = (Judgement("it_is", "n", 1.0, 1.0, None, passed=True),)
A_WHILE = timedelta(days=3)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(new_project(tmp_path / "project"), monkeypatch, capsys)


def house_of(command: CommandLine) -> Warehouse:
    return Warehouse.open(load_settings(command.root, environment="development"))


def publish(warehouse: Warehouse, values: list[float], *, run_id: str = "run") -> str:
    partition = Partition.parse(KEY_8)
    with warehouse.lake.ticket("table", partition, run_id=run_id) as ticket:
        frame = pl.DataFrame({"x": values})
        draft = warehouse.lake.stage(ticket, "table", PARQUET, lambda path: write_parquet(frame, path))
        judged = Draft(draft.asset, draft.suffix, draft.file, PASSED)
        return warehouse.lake.publish(ticket, [judged], Origin("1", "s", ()))["table"].md5


def test_disk_counts_what_stands_and_what_is_superseded(command: CommandLine) -> None:
    house = house_of(command)
    for n in range(3):
        publish(house, [float(n)] * 10_000)
    (house.lake.store.root / "quarantine").mkdir()
    (house.lake.store.root / "quarantine" / "x").write_bytes(b"x" * 5000)

    found = json.loads(command("disk", "--json").out)

    (asset,) = found["assets"]
    assert ("table", 1, 2 * asset["standing_bytes"]) == (asset["asset"], asset["n_standing"], asset["superseded_bytes"])
    by_name = {place["name"]: place for place in found["places"]}
    assert 3 * asset["standing_bytes"] == by_name["store"]["n_bytes"]
    assert by_name["quarantine"]["n_bytes"] >= 5000
    assert found["total_bytes"] == sum(place["n_bytes"] for place in found["places"])
    assert found["free_bytes"] > 0


def test_every_file_under_var_is_counted_once(command: CommandLine) -> None:
    house = house_of(command)
    publish(house, [1.0])
    (command.root / "var" / "something").write_bytes(b"x")

    places = [place for place in disk_use(house.settings, house.lake).places if place.name != "compiled kernels"]

    files = [path for path in (command.root / "var").rglob("*") if path.is_file() or path.is_symlink()]
    assert len(files) == sum(place.n_files for place in places)
    assert sum(path.lstat().st_blocks * 512 for path in files) == sum(place.n_bytes for place in places)


def test_an_empty_project_has_tables_too(command: CommandLine) -> None:
    said = command("disk")

    assert (0, "") == (said.code, said.err)
    assert "free on the file system" in said.out


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (1023, "1,023 B"), (1024, "1.0 KiB"), (3 * 2**30, "3.0 GiB"), (2**52, "4,096.0 TiB")],
)
def test_sizes_are_powers_of_1024(n_bytes: int, text: str) -> None:
    assert text == size(n_bytes)


def test_nothing_is_removed_by_default(command: CommandLine) -> None:
    house = house_of(command)
    publish(house, [1.0])
    publish(house, [2.0])

    assert "nothing is due" in command("tidy", "--yes").out


@pytest.fixture
def aged(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> tuple[CommandLine, str]:
    """A project whose clock is days ahead of an object that was superseded, and that object."""
    house = house_of(command)
    old = publish(house, [1.0])
    publish(house, [2.0])

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # plain, and later
            return datetime.now(tz) + A_WHILE

    monkeypatch.setattr("trading_assets.cli.disk.datetime", Clock)
    monkeypatch.setenv("TRADING_ASSETS_RETENTION__SUPERSEDED_DAYS", "2")
    return command, old


def test_a_dry_run_names_what_would_go_and_removes_nothing(aged: tuple[CommandLine, str]) -> None:
    command, old = aged
    before = command.files()

    assert old in command("tidy", "--dry-run").out
    assert old in command("tidy", "--dry-run").out
    assert before == command.files()


def test_tidy_wants_a_person_or_a_word(aged: tuple[CommandLine, str], monkeypatch: pytest.MonkeyPatch) -> None:
    command, old = aged
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    assert "add --yes" in command("tidy").err
    assert "removed 1 things" in command("tidy", "--yes").out
    assert "nothing is due" in command("tidy", "--yes").out
    assert f"object {old}" in command("audit").out


def run_of(instance: dg.DagsterInstance) -> str:
    @dg.op
    def work() -> None:
        """Nothing."""

    @dg.job
    def some_job() -> None:
        work()

    return some_job.execute_in_process(instance=instance).run_id


def test_only_runs_that_hold_the_newest_of_nothing_are_forgotten(command: CommandLine) -> None:
    house = house_of(command)
    home = house.settings.dagster_home
    with dg.DagsterInstance.from_config(str(home)) as instance:
        overtaken, published, refused, other = (run_of(instance) for _ in range(4))
        publish(house, [1.0], run_id=overtaken)
        publish(house, [2.0], run_id=published)
        with pytest.raises(RuntimeError), house.lake.ticket("table", Partition.parse(KEY_8), run_id=refused):
            raise RuntimeError
        later = datetime.now(UTC) + A_WHILE

        assert [] == removable_runs(instance, house.lake.engine, home, datetime.now(UTC) - A_WHILE)
        chosen = removable_runs(instance, house.lake.engine, home, later)
        remove_runs(instance, house.lake.engine, home, chosen, actor="ann")

        assert {overtaken, other} == {each.name for each in chosen}
        assert all(each.n_bytes > 0 for each in chosen)
        assert {published, refused} == {run.run_id for run in instance.get_runs()}
        assert {published, refused, "index"} == {path.stem for path in (home / "history" / "runs").glob("*.db")}
        assert [] == removable_runs(instance, house.lake.engine, home, later)
    assert {f"run {overtaken}", f"run {other}"} == {act.subject for act in trail(house.lake.engine, limit=9)}
