"""Run what is pending, one Dagster run a partition, in this process.

Belongs here: one run and what is reported of it.
Does not: the order of partitions (session), what is pending (plan) or a step (execute).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from trading_assets.identifiers import Partition
from trading_assets.orchestration.partitions import INSTRUMENTS
from trading_assets.orchestration.plan import pending, plan_of
from trading_assets.orchestration.step import Step
from trading_assets.orchestration.warehouse import Warehouse

_INTERRUPTIONS = {dg.DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__}
"""How a signal shows: raised by Dagster, or by a library that looks for signals itself."""
_POLICIES = "Asset job .* materializes assets with varying BackfillPolicies"
"""Steps differ in their policies on purpose; a run of one partition has none to choose from."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of a partition did."""

    partition: Partition
    reasons: Mapping[str, str]
    """Step to the reason it was executed for."""
    errors: Mapping[str, str]
    """Step to what went wrong, in one line."""
    not_expected: Mapping[str, str] = field(default_factory=dict)
    """Step to why the recording has nothing to make it of, as turned out on the way."""


def run_partition(
    partition: Partition,
    *,
    steps: Sequence[Step],
    assets: Sequence[dg.AssetsDefinition],
    warehouse: Warehouse,
    resources: Mapping[str, object],
    instance: dg.DagsterInstance,
) -> Report:
    """Execute what is missing or stale of one partition as one Dagster run.

    Raises:
        KeyboardInterrupt: the process was told to stop; what was published by then stays.
    """
    reasons = pending(steps, partition, warehouse)
    if not reasons:
        return Report(partition, {}, {})
    instance.add_dynamic_partitions(INSTRUMENTS.name or "instrument", [str(partition.instrument)])
    keys = [name for step in steps if step.name in reasons for name in step.outputs]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _POLICIES)
        result = dg.materialize(
            list(assets),
            selection=dg.AssetSelection.assets(*keys),
            partition_key=str(partition),
            instance=instance,
            resources=dict(resources),
            run_config=_QUIET,
            raise_on_error=False,
            tags={"trading_assets/by": "run"},
        )
    if any(_is_interruption(event) for event in result.all_events if event.is_step_failure):
        raise KeyboardInterrupt  # Dagster records an interruption as the step's failure, and would go on
    errors = {str(event.step_key): _first_line(event) for event in result.all_events if event.is_step_failure}
    done = {str(event.step_key) for event in result.all_events if event.is_step_success}
    bare = {
        name: days.get(partition.day.toordinal())
        for name, days in plan_of(steps, partition.instrument, warehouse).bare.items()
    }
    not_expected = {name: why for name in reasons if name not in errors and (why := bare[name]) is not None}
    left = [name for name in reasons if name not in {*done, *errors, *not_expected}]
    return Report(partition, reasons, {**errors, **dict.fromkeys(left, "not run: its upstream failed")}, not_expected)


def _is_interruption(event: dg.DagsterEvent) -> bool:
    error = event.step_failure_data.error
    return error is not None and error.cls_name in _INTERRUPTIONS


def _first_line(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip().splitlines()[0] if error is not None and error.message else "it failed"
