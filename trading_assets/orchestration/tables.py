"""Tables that Dagster's pages show: the columns of an asset with their units, and the versions a version was made from.

Belongs here: from declarations and records to Dagster's table metadata.
Does not: the words (trading_assets/columns.py), when they are reported (events, assets).
"""

from collections.abc import Iterable, Mapping
from datetime import date

import dagster as dg
import polars as pl

from trading_assets.columns import in_short, meanings
from trading_assets.settings import Settings


def column_schema(columns: Mapping[str, pl.DataType], settings: Settings) -> dg.TableSchema:
    """Show columns with dtype, meaning and unit; a column that is nowhere declared has no meaning."""
    said = meanings(settings)
    return dg.TableSchema(
        [
            dg.TableColumn(name, in_short(dtype), description=str(said[name]) if name in said else None)
            for name, dtype in columns.items()
        ]
    )


def upstream(inputs: Iterable[tuple[str, date, str]]) -> dg.TableMetadataValue:
    """Show which version of which day of every input was read."""
    columns = [dg.TableColumn(name, "string") for name in ("asset", "day", "version")]
    records = [dg.TableRecord({"asset": asset, "day": day.isoformat(), "version": md5}) for asset, day, md5 in inputs]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))
