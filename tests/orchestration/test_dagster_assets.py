import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sim_days import SECOND, materialize, open_house, small_settings, sound_house, step_of, versions_of, why_failed

from trading_assets.orchestration.assets import as_dagster_asset
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.step import Step


def fails(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def with_output(step: Step, **changes: Any) -> Step:
    (name,) = step.outputs
    return replace(step, outputs={name: replace(step.outputs[name], **changes)})


def with_gate(step: Step, **changes: Any) -> Step:
    (output,) = step.outputs.values()
    return with_output(step, gate=replace(output.gate, **changes))


def raising_after(n: int, declared: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """Let rules or columns be read `n` times (Dagster reads them once for the definition) before they fail."""
    calls = iter(range(n))
    return lambda settings: declared(settings) if next(calls, None) is not None else fails(error)()


ERRORS = [ValueError("no"), MemoryError(), RecursionError(), SystemExit(3), KeyboardInterrupt()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", ["measure", "rules", "columns"])
def test_whatever_is_raised_inside_the_gate_refuses(tmp_path: Path, place: str, error: BaseException) -> None:
    house = sound_house(tmp_path)
    step = step_of("labels")
    before = versions_of(house, SECOND)
    declared = getattr(step.outputs["labels"].gate, place)
    broken = fails(error) if place == "measure" else raising_after(1, declared, error)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize([with_gate(step, **{place: broken})], SECOND, house, instance)

    assert f"the gate itself failed, so the file is refused: {type(error).__name__}" in why_failed(result)
    assert before == versions_of(house, SECOND)
    assert [] == result.get_asset_materialization_events()
    assert [] == [path for path in (house.lake.store.root / "staging").iterdir() if path.is_dir()]


def test_offenders_that_cannot_be_shown_do_not_hide_the_numbers(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    gate = {"offenders": fails(ValueError("no")), "measure": lambda _: {"n_rows": 0}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize([with_gate(step_of("labels"), **gate)], SECOND, house, instance)

    assert "labels_have_rows: n_rows is 0" in why_failed(result)


def test_a_plot_that_fails_leaves_the_publication_recorded(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(
            [with_output(step_of("labels"), plot=fails(ValueError("no ink")))], SECOND, house, instance
        )

    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert result.success
    assert "ValueError: no ink" == metadata["not_shown"].value
    assert versions_of(house, SECOND)["labels"] == metadata["md5"].value


def test_columns_are_shown_with_their_units_before_and_after_they_are_made(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    step = step_of("labels")
    asset = as_dagster_asset(step, group="models", settings=house.settings)
    with dg.DagsterInstance.ephemeral() as instance:
        (event,) = materialize([step], SECOND, house, instance).get_asset_materialization_events()

    declared = asset.metadata_by_key[event.asset_key]["dagster/column_schema"]
    made = event.materialization.metadata["dagster/column_schema"]
    assert isinstance(made, dg.TableSchemaMetadataValue)
    assert declared == made.schema
    assert "Return of the mid from the tick to 1 s after it; null where not known [basis points]" in {
        column.description for column in declared.columns
    }


def test_upstream_versions_are_a_table(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        (event,) = materialize([step_of("labels")], SECOND, house, instance).get_asset_materialization_events()

    table = event.materialization.metadata["inputs"]
    assert isinstance(table, dg.TableMetadataValue)
    standing = versions_of(house, SECOND)
    assert [
        {"asset": name, "day": str(SECOND.day), "version": standing[name]} for name in ("book_features", "feed_gaps")
    ] == [record.data for record in table.records]


def test_data_versions_are_the_md5s_of_what_is_published(tmp_path: Path) -> None:
    house = sound_house(tmp_path)
    steps = [step_of(name) for name in ("raw_trades", "book_features", "labels")]
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(steps, SECOND, house, instance)

    made = [event.materialization for event in result.get_asset_materialization_events()]
    tags = {one.asset_key.to_user_string(): dict(one.tags or {}) for one in made}
    standing = versions_of(house, SECOND)
    assert {name: standing[name] for name in tags} == {name: t["dagster/data_version"] for name, t in tags.items()}
    # Of a partitioned input Dagster keeps the SHA-256 of the data versions of the partitions read.
    read = hashlib.sha256(standing["book_features"].encode()).hexdigest()
    assert read == tags["labels"]["dagster/input_data_version/book_features"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a'; drop table x", "x" * 4096, "BTC"])
def test_a_hostile_partition_key_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    house = open_house(small_settings(tmp_path))
    asset = as_dagster_asset(step_of("captures"), group="raw", settings=house.settings)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("instrument", [name])
        key = f"{SECOND.day}|{name}"
        handed = {**resources(house.settings), "warehouse": house}
        result = dg.materialize([asset], partition_key=key, instance=instance, resources=handed, raise_on_error=False)

    assert "is not an instrument id" in why_failed(result)
    assert 1 == len(why_failed(result).splitlines())
    remembered = "catalog-*"  # what a lake knows of its catalogue
    lake = tmp_path / "var" / "lake"
    assert set(lake.glob(remembered)) == set(lake.glob("*"))
