"""What Dagster is told about a step's outcome: check results, data versions, and what is worth looking at.

Belongs here: from an `Outcome` to Dagster's events, for one partition or for many in one run.
Does not: executing anything (assets), drawing (the stages' plots).
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

import dagster as dg
import polars as pl

from trading_assets.orchestration.execute import Outcome
from trading_assets.orchestration.gate import Audit
from trading_assets.orchestration.step import Output
from trading_assets.orchestration.tables import column_schema, upstream
from trading_assets.schema import TS_GRID, TS_RECV, TS_START
from trading_assets.storage.records import Judgement, Version

SAMPLE_ROWS: Final = 5
SAMPLE_COLUMNS: Final = 12
_CLOCKS: Final = (TS_RECV, TS_GRID, TS_START)


def materialize_results(outcome: Outcome) -> Iterator[dg.MaterializeResult[Any]]:
    """Report what a run of one partition published; Dagster adds the tags of a data version itself."""
    for name, version in outcome.versions.items():
        yield dg.MaterializeResult(
            asset_key=name, data_version=dg.DataVersion(version.md5), metadata=_metadata(outcome, name, version)
        )


def materializations(outcome: Outcome, run_tags: Mapping[str, str]) -> Iterator[dg.AssetMaterialization]:
    """Report what one partition of a run of many published, each with a data version of its own.

    One `MaterializeResult` would give all partitions of the run the same data version, so the tags that Dagster
    adds to it are added here.
    """
    for name, version in outcome.versions.items():
        yield dg.AssetMaterialization(
            asset_key=name,
            partition=str(version.partition),
            metadata=_metadata(outcome, name, version),
            tags=version_tags(version) | {tag: run_tags[tag] for tag in ("dagster/backfill",) if tag in run_tags},
        )


def version_tags(version: Version) -> dict[str, str]:
    """Return the tags by which Dagster knows a data version and what it was made from.

    Of an input with several partitions Dagster keeps the SHA-256 of their data versions in the order of their keys.
    """
    tags = {
        "dagster/data_version": version.md5,
        "dagster/data_version_is_user_provided": "true",
        "dagster/code_version": version.code_version,
        "dagster/partition/day": str(version.partition.day),
        "dagster/partition/instrument": str(version.partition.instrument),
    }
    for asset, inputs in groupby(version.inputs, key=lambda given: given[0]):
        joined = "".join(md5 for _, _, md5 in inputs)
        tags[f"dagster/input_data_version/{asset}"] = hashlib.sha256(joined.encode()).hexdigest()
        tags[f"dagster/input_event_pointer/{asset}"] = "NULL"
    return tags


def check_results(outcome: Outcome) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
    """Report how every rule judged one partition.

    Dagster files a result under the partition's last materialization, and shows it as not evaluated where that is not
    the asset's newest one. A refused file has no materialization, so its results are reported as evaluations of none.
    """
    report = dg.AssetCheckEvaluation if outcome.refusal else dg.AssetCheckResult
    for name, verdict in outcome.verdicts.items():
        sample = _sample(verdict.offenders)
        for judgement in verdict.judgements:
            known = {key: value for key, value in asdict(judgement).items() if value is not None}
            yield report(
                asset_key=dg.AssetKey(name),
                check_name=judgement.rule,
                passed=judgement.passed,
                description=None if judgement.passed else verdict.reason,
                metadata={"partition": str(outcome.partition), **known, **({} if judgement.passed else sample)},
            )


def unjudged(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
    """Report that a run judged nothing, since there is nothing to make: Dagster demands to hear of every check.

    Of the asset it hears nothing, and so skips what is made of it.
    """
    for spec in context.assets_def.check_specs:
        if spec.key in context.selected_asset_check_keys:
            yield dg.Output(None, output_name=spec.get_python_identifier())


def check_results_of_many(
    outcomes: Sequence[Outcome], *, is_failing: bool
) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation]:
    """Report how every rule judged the partitions of one run: a check can be reported once a run, so it names them.

    Where the run is about to fail they are evaluations, for the reason that `check_results` gives.
    """
    report = dg.AssetCheckEvaluation if is_failing else dg.AssetCheckResult
    for name in outcomes[0].verdicts if outcomes else ():
        judged = [(o, judgement) for o in outcomes for judgement in o.verdicts[name].judgements]
        for rule in dict.fromkeys(judgement.rule for _, judgement in judged):
            yield report(**_check_of_many(name, rule, [(o, j) for o, j in judged if j.rule == rule]))


def _check_of_many(name: str, rule: str, judged: Sequence[tuple[Outcome, Judgement]]) -> dict[str, Any]:
    failed = [(outcome, judgement) for outcome, judgement in judged if not judgement.passed]
    values = [judgement.value for _, judgement in judged if judgement.value is not None]
    found: dict[str, Any] = {"n_partitions": len(judged), "n_failed": len(failed)}
    if values:
        found |= {"lowest": min(values), "highest": max(values)}
    if failed:
        found["failed"] = _failed_table(failed)
        found |= _sample(failed[0][0].verdicts[name].offenders)
    named = ", ".join(str(outcome.partition) for outcome, _ in failed)
    return {
        "asset_key": dg.AssetKey(name),
        "check_name": rule,
        "passed": not failed,
        "description": f"failed for {named}" if failed else None,
        "metadata": found,
    }


def _failed_table(failed: Sequence[tuple[Outcome, Judgement]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "partition": str(outcome.partition),
                    "measure": judgement.measure,
                    "value": "unknown" if judgement.value is None else f"{judgement.value:g}",
                    "wanted": in_words(judgement.measure, judgement.minimum, judgement.maximum),
                }
            )
            for outcome, judgement in failed
        ]
    )


def _sample(offenders: pl.DataFrame) -> dict[str, Any]:
    return {"rows": dg.MetadataValue.md(_as_markdown(offenders))} if len(offenders) else {}


def _metadata(outcome: Outcome, name: str, version: Version) -> dict[str, Any]:
    """Collect what is worth looking at: counts, quality numbers, where it came from, and what the file shows."""
    found: dict[str, Any] = {"dagster/row_count": version.n_rows}
    for look in (_plot, _columns, _facts):
        try:
            found |= look(outcome.step.outputs[name], name, outcome.audits[name])
        except Exception as error:  # noqa: BLE001 - it is published: what illustrates it must not keep that from being recorded
            found["not_shown"] = f"{type(error).__name__}: {error}"
    return found | {
        "inputs": upstream(version.inputs),
        "md5": version.md5,
        "n_bytes": version.n_bytes,
        "settings_digest": version.settings_digest,
        **{j.measure: j.value for j in outcome.verdicts[name].judgements if j.value is not None},
    }


def _facts(_output: Output, _name: str, case: Audit) -> dict[str, Any]:
    facts = case.evidence.get("facts", {})
    return {key: dg.MetadataValue.json(value) if isinstance(value, dict) else value for key, value in facts.items()}


def _columns(_output: Output, _name: str, case: Audit) -> dict[str, Any]:
    if not isinstance(case.staged, pl.LazyFrame):
        return {}
    schema = case.staged.collect_schema()
    return {"dagster/column_schema": column_schema(schema, case.settings), **_time_range(case.staged, schema)}


def _plot(output: Output, name: str, case: Audit) -> dict[str, Any]:
    if output.plot is None:
        return {}
    png = base64.b64encode(output.plot(case)).decode()
    return {"plot": dg.MetadataValue.md(f"![{name}](data:image/png;base64,{png})")}


def _time_range(table: pl.LazyFrame, schema: pl.Schema) -> dict[str, str]:
    clock = next((name for name in _CLOCKS if name in schema), None)
    if clock is None:
        return {}
    first, last = table.select(pl.col(clock).min().alias("first"), pl.col(clock).max().alias("last")).collect().row(0)
    return {} if first is None else {"first": first.isoformat(), "last": last.isoformat()}


def _as_markdown(rows: pl.DataFrame) -> str:
    with pl.Config(
        tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_rows=SAMPLE_ROWS, tbl_cols=SAMPLE_COLUMNS
    ):
        return str(rows.head(SAMPLE_ROWS))


def in_words(measure: str, minimum: float | None, maximum: float | None) -> str:
    """Write a rule as an inequality."""
    low = "" if minimum is None else f"{minimum:g} <= "
    high = "" if maximum is None else f" <= {maximum:g}"
    return f"{low}{measure}{high}"
