import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.errors import CorruptObject, LostRace, NotPublished
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.storage.formats import PARQUET, write_parquet
from trading_assets.storage.lake import Lake
from trading_assets.storage.records import Draft, Judgement, Origin, Ticket

ORIGIN = Origin("1", "settings", ())
PASSED = (Judgement("is_fine", "n", 0.0, 0.0, 0.0, passed=True),)
FAILED = (Judgement("is_fine", "n", 3.0, 0.0, 0.0, passed=False),)


def stage(lake: Lake, ticket: Ticket, values: list[float], *, asset: str = "table") -> Draft:
    frame = pl.DataFrame({"x": values})
    draft = lake.stage(ticket, asset, PARQUET, lambda path: write_parquet(frame, path))
    return Draft(draft.asset, draft.suffix, draft.file, PASSED)


def publish(lake: Lake, partition: Partition, values: list[float]) -> str:
    with lake.ticket("table", partition, run_id="run") as ticket:
        return lake.publish(ticket, [stage(lake, ticket, values)], ORIGIN)["table"].md5


def standing(lake: Lake, partition: Partition) -> list[float]:
    opened = lake.open(lake.resolve("table", partition))
    return opened.collect()["x"].to_list()


def test_what_was_published_is_read_back(warehouse: Warehouse, partition: Partition) -> None:
    publish(warehouse.lake, partition, [1.0, 2.0])

    assert standing(warehouse.lake, partition) == [1.0, 2.0]


def test_nothing_published_is_an_error_that_names_the_command(warehouse: Warehouse, partition: Partition) -> None:
    with pytest.raises(NotPublished, match=r"trading-assets run --instrument BTCUSDT.BINANCE --start 2024-08-08"):
        warehouse.lake.resolve("table", partition)


def test_staged_files_are_invisible_and_gone_after_a_failure(warehouse: Warehouse, partition: Partition) -> None:
    lake = warehouse.lake
    with pytest.raises(AttributeError), lake.ticket("table", partition, run_id="run") as ticket:
        lake.publish(ticket, [stage(lake, ticket, [1.0]), None], ORIGIN)

    assert lake.find("table", partition) is None
    assert [] == [path for path in (lake.store.root / "staging").iterdir() if path.is_dir()]


@pytest.mark.parametrize("judgements", [FAILED, ()])
def test_a_draft_that_did_not_pass_cannot_be_published(
    warehouse: Warehouse, partition: Partition, judgements: tuple[Judgement, ...]
) -> None:
    lake = warehouse.lake
    with lake.ticket("table", partition, run_id="run") as ticket:
        draft = stage(lake, ticket, [1.0])
        with pytest.raises(ValueError, match="passed"):
            lake.publish(ticket, [Draft("table", PARQUET, draft.file, judgements)], ORIGIN)

    assert lake.find("table", partition) is None


def test_a_refused_draft_lies_in_quarantine_and_the_version_before_it_stands(
    warehouse: Warehouse, partition: Partition
) -> None:
    lake = warehouse.lake
    publish(lake, partition, [1.0])

    with lake.ticket("table", partition, run_id="run") as ticket:
        draft = stage(lake, ticket, [float("nan")])
        (path,) = lake.refuse(ticket, [Draft("table", PARQUET, draft.file, FAILED)], ORIGIN, reason="is_fine: 3")

    assert standing(lake, partition) == [1.0]
    assert path.is_file()
    assert '"reason": "is_fine: 3"' in path.with_name(path.name + ".report.json").read_text()
    refusals = warehouse.registry.standing_refusals(["table"], partition.instrument)
    assert refusals["table", partition.day].reason == "is_fine: 3"


def test_a_zombie_that_finishes_after_its_retry_publishes_nothing(warehouse: Warehouse, partition: Partition) -> None:
    lake = warehouse.lake
    with lake.ticket("table", partition, run_id="zombie") as old:
        draft = stage(lake, old, [1.0])
        publish(lake, partition, [2.0])
        with pytest.raises(LostRace, match="no longer the newest"):
            lake.publish(old, [draft], ORIGIN)

    assert standing(lake, partition) == [2.0]


def test_a_zombie_that_finishes_before_its_retry_publishes_nothing(warehouse: Warehouse, partition: Partition) -> None:
    lake = warehouse.lake
    with (
        lake.ticket("table", partition, run_id="zombie") as old,
        lake.ticket("table", partition, run_id="retry") as new,
    ):
        with pytest.raises(LostRace):
            lake.publish(old, [stage(lake, old, [1.0])], ORIGIN)
        assert lake.find("table", partition) is None
        lake.publish(new, [stage(lake, new, [2.0])], ORIGIN)

    assert standing(lake, partition) == [2.0]


def test_equal_content_from_an_equal_origin_is_no_new_version(warehouse: Warehouse, partition: Partition) -> None:
    lake = warehouse.lake
    publish(lake, partition, [1.0])
    before = lake.resolve("table", partition)

    publish(lake, partition, [1.0])

    assert lake.resolve("table", partition) == before


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damaged_bytes_are_refused_by_the_reader(warehouse: Warehouse, partition: Partition, damage: str) -> None:
    md5 = publish(warehouse.lake, partition, [1.0])
    path = warehouse.lake.store.object_path(md5)
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "truncate":
        path.write_bytes(content[:-1])

    with pytest.raises(CorruptObject, match=md5):
        warehouse.lake.open(warehouse.lake.resolve("table", partition))


def test_published_objects_are_read_only_at_their_dvc_address(warehouse: Warehouse, partition: Partition) -> None:
    md5 = publish(warehouse.lake, partition, [1.0])

    path = warehouse.lake.store.object_path(md5)
    assert path.relative_to(warehouse.lake.store.root / "store").parts == ("files", "md5", md5[:2], md5[2:])
    assert path.stat().st_mode & 0o777 == 0o444


def test_several_outputs_of_a_step_are_published_together_or_not_at_all(
    warehouse: Warehouse, partition: Partition
) -> None:
    lake = warehouse.lake
    with lake.ticket("table", partition, run_id="old") as old:
        drafts = [stage(lake, old, [1.0], asset="books"), stage(lake, old, [1.0], asset="trades")]
        with lake.ticket("table", partition, run_id="new") as new:
            newer = [stage(lake, new, [2.0], asset="books"), stage(lake, new, [2.0], asset="trades")]
            lake.publish(new, newer, ORIGIN)
        with pytest.raises(LostRace):
            lake.publish(old, drafts, ORIGIN)

    values = [lake.open(lake.resolve(name, partition)).collect()["x"].item() for name in ("books", "trades")]
    assert [2.0, 2.0] == values


def test_staging_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(warehouse: Warehouse) -> None:
    store = warehouse.lake.store
    code = (
        "import os, signal, sys; from pathlib import Path; from trading_assets.storage.store import Store\n"
        "with Store(Path(sys.argv[1])).staging('dead') as folder:\n"
        "    (folder / 'half').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(store.root)], check=False)

    with store.staging("alive") as alive:
        assert store.sweep() == ["dead"]
        assert alive.is_dir()


@pytest.mark.parametrize("cuts", [[], [1], [3, 7], list(range(1, 10))])
def test_the_bytes_of_a_table_do_not_depend_on_its_chunks(tmp_path: Path, cuts: list[int]) -> None:
    frame = pl.DataFrame({"x": [float(n) for n in range(10)], "s": ["ab"] * 10})
    edges = [0, *cuts, 10]
    chunked = pl.concat([frame[a:b] for a, b in pairwise(edges)], rechunk=False)
    write_parquet(frame, tmp_path / "whole")

    write_parquet(chunked.lazy(), tmp_path / "chunked")

    assert (tmp_path / "whole").read_bytes() == (tmp_path / "chunked").read_bytes()
    assert_frame_equal(frame, pl.read_parquet(tmp_path / "chunked"))


def test_two_processes_publishing_one_partition_leave_one_whole_version(
    warehouse: Warehouse, partition: Partition
) -> None:
    code = """
import sys, time
from pathlib import Path
import polars as pl
from trading_assets.errors import LostRace
from trading_assets.identifiers import Partition
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import load_settings
from trading_assets.storage.formats import write_parquet
from trading_assets.storage.records import Draft, Judgement, Origin
project, root, value = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
lake = Warehouse.open(load_settings(project, environment="development").model_copy(update={"root": root})).lake
won = lost = 0
for _ in range(10):
    with lake.ticket("pass", Partition.parse(sys.argv[4]), run_id=str(value)) as ticket:
        drafts = []
        for asset in ("books", "trades"):
            frame = pl.DataFrame({"x": [value + 100 * ticket.id]})
            draft = lake.stage(ticket, asset, "parquet", lambda path: write_parquet(frame, path))
            drafts.append(Draft(asset, "parquet", draft.file, (Judgement("ok", "n", 0.0, 0.0, 0.0, True),)))
        time.sleep(0.002)
        try:
            lake.publish(ticket, drafts, Origin("1", "s", ()))
            won += 1
        except LostRace:
            lost += 1
print(won, lost)
"""
    root = warehouse.settings.root
    project = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(project), str(root)]
    racers = [subprocess.Popen([*command, str(n), str(partition)], stdout=subprocess.PIPE, text=True) for n in (1, 2)]
    while any(racer.poll() is None for racer in racers):
        found = warehouse.lake.find_all(["books", "trades"], [partition])
        values = {warehouse.lake.open(version).collect()["x"].item() for version in found.values()}
        assert len(values) <= 1

    counts = [tuple(map(int, racer.communicate()[0].split())) for racer in racers]
    assert [10, 10] == [won + lost for won, lost in counts]
    assert sum(won for won, _ in counts) > 0
