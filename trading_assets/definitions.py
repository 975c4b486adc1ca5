"""The table of contents: stages in the data's order, the assets each has, and what they are given."""

import gc
from typing import Final

import dagster as dg

gc.freeze()  # Dagster's objects stay: to look through them for cycles at each import takes a fifth of all loading

from trading_assets.features.assets import STEPS as FEATURE_STEPS
from trading_assets.models.assets import STEPS as MODEL_STEPS
from trading_assets.orchestration.assets import as_dagster_asset
from trading_assets.orchestration.automation.jobs import JOBS
from trading_assets.orchestration.automation.reconcile_sensor import reconcile_sensor
from trading_assets.orchestration.automation.sensors import build_sensors
from trading_assets.orchestration.resources import resources
from trading_assets.orchestration.serving_asset import served_tables
from trading_assets.orchestration.snapshot_asset import data_snapshot
from trading_assets.orchestration.step import Step
from trading_assets.raw.assets import STEPS as RAW_STEPS
from trading_assets.settings import Settings, current_settings
from trading_assets.telemetry.logs import configure_logs

STAGES: Final[dict[str, tuple[Step, ...]]] = {
    "raw": RAW_STEPS,
    "features": FEATURE_STEPS,
    "models": MODEL_STEPS,
}
STEPS: Final = tuple(step for steps in STAGES.values() for step in steps)


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build every asset of every stage."""
    staged = [(group, step) for group, steps in STAGES.items() for step in steps]
    return [
        as_dagster_asset(step, group=group, settings=settings, position=n) for n, (group, step) in enumerate(staged)
    ]


def build_definitions(settings: Settings) -> dg.Definitions:
    """Assemble the code location from settings, so that tests can build their own."""
    return dg.Definitions(
        assets=[
            *build_assets(settings),
            data_snapshot([name for step in STEPS for name in step.outputs], settings),
            served_tables(),
        ],
        jobs=JOBS,
        sensors=[*build_sensors(STEPS), reconcile_sensor()],
        resources=resources(settings),
        executor=dg.in_process_executor,
    )


configure_logs(current_settings())
defs = build_definitions(current_settings())
