import dagster as dg
import pytest

from trading_assets.definitions import STAGES, STEPS, build_definitions
from trading_assets.settings import Settings

KEYS = [
    "book_features",
    "captures",
    "data_snapshot",
    "dead_letters",
    "feed_gaps",
    "forecasts",
    "labels",
    "model",
    "raw_l2_snapshots",
    "raw_trades",
    "served_tables",
]


@pytest.fixture
def definitions(settings: Settings) -> dg.Definitions:
    return build_definitions(settings)


def test_definitions_load(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_graph_has_these_assets(definitions: dg.Definitions) -> None:
    assert KEYS == sorted(spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs())


def test_every_asset_says_whose_what_and_of_which_code_it_is(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert spec.group_name in {*STAGES, "ops"}
        assert spec.owners
        assert spec.kinds
        assert spec.code_version
        assert len(spec.description or "") > 20


def test_every_asset_has_a_check_and_every_check_a_description(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_all_asset_specs()
    keys = definitions.resolve_asset_graph().asset_check_keys

    assert {spec.key for spec in checks} == {key.asset_key for key in keys}


def test_steps_stand_after_what_they_read(settings: Settings) -> None:
    made: set[str] = set()
    for step in STEPS:
        assert set(step.inputs(settings)) <= made
        made |= set(step.outputs)
