"""Show a step to Dagster: one (multi-)asset with its checks, published through `execute` and nothing else.

A blocking check does not keep a bad partition from being recorded as materialized, so a refused step first
yields its failed check results and then raises: the checks are recorded, no materialization is.

A run of many partitions keeps their outcomes apart: each that is published is recorded at once, none that is not, and
the run fails at its end if any did. A step's failure skips its downstream in the same run, so each step has its own
number of partitions a run, by which Dagster puts it and its downstream into different runs.

Belongs here: the order in which a run executes and reports. Does not: the protocol (execute), the events (events).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import dagster as dg

from trading_assets.errors import NotExpected, TradingAssetsError
from trading_assets.identifiers import Partition
from trading_assets.models.tracking import Tracker
from trading_assets.orchestration.events import (
    check_results,
    check_results_of_many,
    in_words,
    materializations,
    materialize_results,
    unjudged,
)
from trading_assets.orchestration.execute import Outcome, ensure_expected, execute
from trading_assets.orchestration.partitions import daily_by_instrument, window
from trading_assets.orchestration.step import Output, Step
from trading_assets.orchestration.tables import column_schema
from trading_assets.orchestration.upkeep.liveness import hold
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.reported import mark_reported

OWNER: Final = "team:market-data"
REQUESTED_BY: Final = "trading_assets/requested_by"
"""Tag of a run that an automation asked for: its attempts are counted."""


def as_dagster_asset(step: Step, *, group: str, settings: Settings, position: int = 0) -> dg.AssetsDefinition:
    """Build the Dagster asset of a step; steps of different positions never share a run of many partitions."""
    deps = [dg.AssetDep(name, partition_mapping=window(days)) for name, days in step.inputs(settings).items()]
    specs = [
        dg.AssetSpec(
            name,
            deps=deps,
            group_name=group,
            owners=[OWNER],
            kinds=set(output.kinds),
            code_version=step.code_version,
            description=output.description,
            metadata=_declared(output, settings),
            skippable=True,  # a run of many partitions records each of them itself, and yields no output
        )
        for name, output in step.outputs.items()
    ]
    checks = [
        dg.AssetCheckSpec(
            rule.name, asset=name, description=in_words(rule.measure, rule.minimum, rule.maximum), blocking=True
        )
        for name, output in step.outputs.items()
        for rule in output.gate.all_rules(settings)
    ]

    @dg.multi_asset(
        name=step.name,
        specs=specs,
        check_specs=checks,
        partitions_def=daily_by_instrument(settings),
        backfill_policy=dg.BackfillPolicy.multi_run(settings.backfill.partitions_per_run + position),
    )
    def asset(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], tracker: dg.ResourceParam[Tracker]
    ) -> Iterator[Any]:
        hold(context.run.run_id, warehouse.settings.dagster_home)
        of_run = _one if context.has_partition_key else _many
        yield from of_run(step, context, warehouse, tracker)

    return asset


def _declared(output: Output, settings: Settings) -> dict[str, Any]:
    """Show what is known before anything was made: the columns, with their units."""
    columns = output.gate.columns
    return {"dagster/column_schema": column_schema(columns(settings), settings)} if columns else {}


def _one(step: Step, context: dg.AssetExecutionContext, warehouse: Warehouse, tracker: Tracker) -> Iterator[Any]:
    try:
        partition = Partition.parse(context.partition_key)
        outcome = _run(step, partition, context, warehouse, tracker)
    except NotExpected as error:
        context.log.info("%s", error)
        yield from unjudged(context)
        return
    except TradingAssetsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    yield from check_results(outcome)
    if outcome.refusal:
        raise dg.Failure(description=_refused(outcome), allow_retries=False)
    yield from materialize_results(outcome)
    mark_reported(warehouse.lake.engine, outcome.versions.values())


def _many(step: Step, context: dg.AssetExecutionContext, warehouse: Warehouse, tracker: Tracker) -> Iterator[Any]:
    outcomes: list[Outcome] = []
    failures: dict[str, str] = {}
    keys = sorted(context.partition_keys)
    for n, key in enumerate(keys, 1):
        try:
            outcome = _run(step, Partition.parse(key), context, warehouse, tracker)
        except NotExpected as error:
            context.log.info("%d/%d %s", n, len(keys), error)
            continue
        except TradingAssetsError as error:
            failures[key] = str(error)
        except Exception as error:  # one partition's surprise must not cost the others their outcome
            context.log.exception("%s of %s", step.name, key)
            failures[key] = f"{type(error).__name__}: {error}"
        else:
            yield from materializations(outcome, context.run.tags)
            outcomes.append(replace(outcome, audits={}))  # their frames are not kept for as long as the run lasts
            if outcome.refusal:
                failures[key] = _refused(outcome)
        context.log.info("%d/%d %s: %s", n, len(keys), key, failures.get(key, "published"))
    yield from check_results_of_many(outcomes, is_failing=bool(failures)) if outcomes else unjudged(context)
    mark_reported(warehouse.lake.engine, [version for outcome in outcomes for version in outcome.versions.values()])
    if failures:
        raise dg.Failure(description=_told(step, failures, len(keys)), allow_retries=False)


def _refused(outcome: Outcome) -> str:
    return (
        f"{outcome.step.name} of {outcome.partition} was refused by its gate, nothing was published: {outcome.refusal}"
    )


def _told(step: Step, failures: dict[str, str], n_partitions: int) -> str:
    named = "\n".join(f"- {key}: {reason}" for key, reason in failures.items())
    return f"{len(failures)} of {n_partitions} partitions of {step.name} were not published, the others were:\n{named}"


def _run(
    step: Step, partition: Partition, context: dg.AssetExecutionContext, warehouse: Warehouse, tracker: Tracker
) -> Outcome:
    requested_by = context.run.tags.get(REQUESTED_BY)
    if not step.is_tracked:
        return execute(step, partition, warehouse, run_id=context.run.run_id, requested_by=requested_by)
    ensure_expected(step, partition, warehouse)  # of nothing, MLflow need not know
    with tracker.run(context, asset=step.name, partition=partition) as run:
        outcome = execute(step, partition, warehouse, run_id=context.run.run_id, requested_by=requested_by)
        run.record(_origin_tags(outcome), _document(outcome), refusal=outcome.refusal)
        return outcome


def _origin_tags(outcome: Outcome) -> dict[str, str]:
    """Say where a tracked version came from: its md5, and those of everything it was made of."""
    return {
        tag: value
        for version in outcome.versions.values()
        for tag, value in {
            "model_version": version.md5,
            "code_version": version.code_version,
            "settings_digest": version.settings_digest,
            **{f"input.{asset}.{day}": md5 for asset, day, md5 in version.inputs},
        }.items()
    }


def _document(outcome: Outcome) -> bytes | None:
    case = outcome.audits.get(outcome.step.name)
    return case.staged if case else None
