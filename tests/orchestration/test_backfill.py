import gzip
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from live_project import LiveProject
from sqlalchemy import select

from trading_assets.storage.catalog import PointerRow
from trading_assets.storage.database.transactions import query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

N_DAYS = 20
FIRST = date(2024, 8, 1)
BAD = FIRST + timedelta(days=6)
RAW = ("raw_l2_snapshots", "raw_trades", "feed_gaps", "dead_letters")


def without_snapshots(path: Path) -> None:
    """Take a day's snapshots out of its capture, so that no book can be built."""
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(line for line in lines if b'"lastUpdateId"' not in line)))


def recorded(
    root: Path, *, days: int, bad: date | None, settings: Mapping[str, str] = MappingProxyType({})
) -> LiveProject:
    """A project whose captures are imported and nothing is made of them."""
    project = LiveProject(root, settings)
    folder = root / "recordings"
    arguments = ["--days", str(days), "--minutes", "1", "-i", "SIMBTC.BINANCE", "--start", str(FIRST)]
    project.command("trading-assets", "simulate", "--out", str(folder), *arguments)
    if bad is not None:
        without_snapshots(folder / "SIMBTC.BINANCE" / f"{bad}.jsonl.gz")
    project.command("trading-assets", "import", str(folder))
    return project


def keys(days: int) -> list[str]:
    return [f"{FIRST + timedelta(days=n)}|SIMBTC.BINANCE" for n in range(days)]


def standing(project: LiveProject, asset: str) -> dict[str, str]:
    """The md5 that stands in the catalogue, by partition."""
    pointers = select(PointerRow.day, PointerRow.instrument_id, PointerRow.md5).where(PointerRow.asset == asset)
    rows = query(project.catalog, lambda session: session.execute(pointers).all())
    return {f"{day}|{name}": md5 for day, name, md5 in rows}


def data_versions(project: LiveProject, asset: str, partitions: list[str]) -> dict[str, str]:
    """The data version that Dagster shows, by partition."""
    query = """query($key: AssetKeyInput!, $partitions: [String!]) { assetNodeOrError(assetKey: $key) {
      ... on AssetNode {
        assetMaterializations(partitions: $partitions, limit: 1000) { partition tags { key value } } } } }"""
    said = project.ask(query, key={"path": [asset]}, partitions=partitions)
    found = {}
    for made in reversed(said["assetNodeOrError"]["assetMaterializations"]):
        tags = {tag["key"]: tag["value"] for tag in made["tags"]}
        found[made["partition"]] = tags["dagster/data_version"]
    return found


def test_a_backfill_of_twenty_partitions_with_one_bad_publishes_nineteen_and_their_downstream(tmp_path: Path) -> None:
    project = recorded(tmp_path / "project", days=N_DAYS, bad=BAD)
    project.start()
    try:
        backfill = project.launch_backfill([*RAW, "book_features", "labels"], keys(N_DAYS))
        numbers = project.finished(backfill, timeout_s=600)
        shown = {asset: data_versions(project, asset, keys(N_DAYS)) for asset in numbers}
        runs = [run for run in project.runs() if run["tags"].get("dagster/backfill") == backfill]
    finally:
        project.stop()

    bad = f"{BAD}|SIMBTC.BINANCE"
    for asset, counts in numbers.items():
        assert (19, 1, 0) == (
            counts["numPartitionsMaterialized"],
            counts["numPartitionsFailed"],
            counts["numPartitionsInProgress"],
        ), asset
        assert standing(project, asset) == shown[asset]
        assert set(keys(N_DAYS)) - {bad} == set(shown[asset])
        assert 19 == len(set(shown[asset].values())) or asset in {"feed_gaps", "dead_letters"}
    for group in (set(RAW), {"book_features"}, {"labels"}):
        assert 1 <= len([run for run in runs if run["assets"] & group]) <= 4
