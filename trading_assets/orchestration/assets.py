"""Show a step to Dagster: one (multi-)asset with its checks, published through `execute` and nothing else.

A blocking check does not keep a bad partition from being recorded as materialized, so a refused step first
yields its failed check results and then raises: the checks are recorded, no materialization is.

Belongs here: the translation to Dagster's events. Does not: the protocol (execute) or the judgement (gate).
"""

import base64
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import dagster as dg
import polars as pl

from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Partition
from trading_assets.models.tracking import Tracker
from trading_assets.orchestration.execute import Outcome, Warehouse, execute
from trading_assets.orchestration.gate import Audit
from trading_assets.orchestration.partitions import daily_by_instrument, window
from trading_assets.orchestration.step import Output, Step
from trading_assets.schema import TS_GRID, TS_RECV, TS_START
from trading_assets.settings import Settings
from trading_assets.storage.records import Version

OWNER: Final = "team:market-data"
SAMPLE_ROWS: Final = 5
_CLOCKS: Final = (TS_RECV, TS_GRID, TS_START)


def as_dagster_asset(step: Step, *, group: str, settings: Settings) -> dg.AssetsDefinition:
    """Build the Dagster asset of a step."""
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
        )
        for name, output in step.outputs.items()
    ]
    checks = [
        dg.AssetCheckSpec(rule.name, asset=name, description=_in_words(rule.measure, rule.minimum, rule.maximum))
        for name, output in step.outputs.items()
        for rule in output.gate.all_rules(settings)
    ]

    @dg.multi_asset(
        name=step.name,
        specs=specs,
        check_specs=checks,
        partitions_def=daily_by_instrument(settings),
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
    )
    def asset(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], tracker: dg.ResourceParam[Tracker]
    ) -> Iterator[Any]:
        yield from _events(step, context, warehouse, tracker)

    return asset


def _events(step: Step, context: dg.AssetExecutionContext, warehouse: Warehouse, tracker: Tracker) -> Iterator[Any]:
    try:
        partition = Partition.parse(context.partition_key)
        outcome = _run(step, partition, context, warehouse, tracker)
    except TradingAssetsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    yield from _check_results(outcome)
    if outcome.refusal:
        raise dg.Failure(
            description=f"{step.name} of {partition} was refused by its gate, nothing was published: {outcome.refusal}",
            allow_retries=False,
        )
    for name, version in outcome.versions.items():
        yield dg.MaterializeResult(
            asset_key=name, data_version=dg.DataVersion(version.md5), metadata=_metadata(outcome, name, version)
        )


def _run(
    step: Step, partition: Partition, context: dg.AssetExecutionContext, warehouse: Warehouse, tracker: Tracker
) -> Outcome:
    if not step.is_tracked:
        return execute(step, partition, warehouse, run_id=context.run.run_id)
    with tracker.run(context, asset=step.name, partition=partition) as run:
        outcome = execute(step, partition, warehouse, run_id=context.run.run_id)
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


def _check_results(outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    for name, verdict in outcome.verdicts.items():
        sample = {"rows": dg.MetadataValue.md(_as_markdown(verdict.offenders))} if len(verdict.offenders) else {}
        for judgement in verdict.judgements:
            known = {key: value for key, value in asdict(judgement).items() if value is not None}
            yield dg.AssetCheckResult(
                asset_key=name,
                check_name=judgement.rule,
                passed=judgement.passed,
                description=None if judgement.passed else verdict.reason,
                metadata={**known, **({} if judgement.passed else sample)},
            )


def _metadata(outcome: Outcome, name: str, version: Version) -> dict[str, Any]:
    """Collect what is worth looking at: counts, quality numbers, where it came from, and what the file shows."""
    found: dict[str, Any] = {
        "dagster/row_count": version.n_rows,
        "n_bytes": version.n_bytes,
        "md5": version.md5,
        "settings_digest": version.settings_digest,
        "inputs": dg.MetadataValue.json([[asset, day.isoformat(), md5] for asset, day, md5 in version.inputs]),
        **{j.measure: j.value for j in outcome.verdicts[name].judgements if j.value is not None},
    }
    try:
        return found | _shown(outcome.step.outputs[name], name, outcome.audits[name])
    except Exception as error:  # noqa: BLE001 - it is published: what illustrates it must not keep that from being recorded
        return found | {"not_shown": f"{type(error).__name__}: {error}"}


def _shown(output: Output, name: str, case: Audit) -> dict[str, Any]:
    """Look into a published file: facts of its making, columns, time range, a plot."""
    found = _facts(case.evidence.get("facts", {}))
    if isinstance(case.staged, pl.LazyFrame):
        schema = case.staged.collect_schema()
        columns = [dg.TableColumn(column, str(dtype)) for column, dtype in schema.items()]
        found["dagster/column_schema"] = dg.TableSchema(columns)
        found |= _time_range(case.staged, schema)
    if output.plot:
        found["plot"] = dg.MetadataValue.md(
            f"![{name}](data:image/png;base64,{base64.b64encode(output.plot(case)).decode()})"
        )
    return found


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: dg.MetadataValue.json(value) if isinstance(value, dict) else value for key, value in facts.items()}


def _time_range(table: pl.LazyFrame, schema: pl.Schema) -> dict[str, str]:
    clock = next((name for name in _CLOCKS if name in schema), None)
    if clock is None:
        return {}
    first, last = table.select(pl.col(clock).min().alias("first"), pl.col(clock).max().alias("last")).collect().row(0)
    return {} if first is None else {"first": first.isoformat(), "last": last.isoformat()}


def _as_markdown(rows: pl.DataFrame) -> str:
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_rows=SAMPLE_ROWS, tbl_cols=-1):
        return str(rows.head(SAMPLE_ROWS))


def _in_words(measure: str, minimum: float | None, maximum: float | None) -> str:
    low = "" if minimum is None else f"{minimum:g} <= "
    high = "" if maximum is None else f" <= {maximum:g}"
    return f"{low}{measure}{high}"
