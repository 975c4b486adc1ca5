import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from racers import MOMENTS
from sim_days import FIRST, OUTPUTS, SECOND, open_house, small_settings, versions_of
from toy_steps import source

from trading_assets.identifiers import Partition
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.warehouse import Warehouse

HERE = Path(__file__).parent
WHOLE_CHAIN = "import sys; from pathlib import Path; from sim_days import sound_house; sound_house(Path(sys.argv[1]))"
N_VERSIONS = 10


def start(*command: str | Path, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(map(str, (HERE, HERE.parent / "servers", HERE.parents[1])))
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def race(act: str, house: Warehouse, partition: Partition, *arguments: str) -> subprocess.Popen[str]:
    return start(HERE / "racers.py", act, house.settings.root, str(partition), *arguments)


def end_of(process: subprocess.Popen[str]) -> int:
    errors = process.communicate()[1]
    assert "Traceback" not in errors, errors
    return process.returncode


def values(house: Warehouse, asset: str, partition: Partition) -> list[float]:
    return house.lake.open(house.lake.resolve(asset, partition)).collect()["x"].to_list()


def staged_folders(house: Warehouse) -> list[Path]:
    return [path for path in (house.lake.store.root / "staging").iterdir() if path.is_dir()]


@pytest.mark.slow
def test_every_asset_has_the_same_bytes_on_one_thread_and_on_two(tmp_path: Path) -> None:
    roots = {n: tmp_path / n for n in ("1", "2")}
    makers = [start("-c", WHOLE_CHAIN, root, POLARS_MAX_THREADS=n) for n, root in roots.items()]
    assert [0, 0] == [end_of(maker) for maker in makers]
    one, two = (open_house(small_settings(root)) for root in roots.values())

    assert set(OUTPUTS) == set(versions_of(one, SECOND))
    assert versions_of(one, FIRST) == versions_of(two, FIRST)
    assert versions_of(one, SECOND) == versions_of(two, SECOND)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_update_leaves_the_version_before_it_and_the_next_run_clears_up(
    warehouse: Warehouse, partition: Partition, moment: str
) -> None:
    before = execute(source(), partition, warehouse, run_id="before").versions["table"]
    assert -signal.SIGKILL == end_of(race("kill", warehouse, partition, moment))

    assert before == warehouse.lake.find("table", partition)
    assert [1.0, 2.0] == values(warehouse, "table", partition)
    assert 1 == len(staged_folders(warehouse))

    after = execute(source([5.0, 6.0]), partition, warehouse, run_id="after").versions["table"]
    assert "after" == after.run_id
    assert [5.0, 6.0] == values(warehouse, "table", partition)
    assert [] == staged_folders(warehouse)


def test_a_killed_first_version_leaves_nothing_to_read(warehouse: Warehouse, partition: Partition) -> None:
    assert -signal.SIGKILL == end_of(race("kill", warehouse, partition, "in the transaction"))

    assert warehouse.lake.find("table", partition) is None
    assert "after" == execute(source(), partition, warehouse, run_id="after").versions["table"].run_id


def test_a_reader_never_sees_two_versions_of_one_step_at_once(warehouse: Warehouse, partition: Partition) -> None:
    writer = race("rewrite", warehouse, partition)
    seen: list[float] = []
    try:
        while len(set(seen)) < N_VERSIONS and writer.poll() is None:
            found = warehouse.lake.find_all(["books", "trades"], [partition]).values()
            read = [warehouse.lake.open(version).collect()["x"].item(0) for version in found]
            assert len(read) in {0, 2}
            assert len(set(read)) <= 1
            seen += read
    finally:
        writer.kill()

    assert -signal.SIGKILL == end_of(writer)
    assert seen == sorted(seen)
    assert values(warehouse, "books", partition) == values(warehouse, "trades", partition)
