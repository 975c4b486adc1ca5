import polars as pl
import pytest

from trading_assets.columns import meanings
from trading_assets.definitions import STEPS
from trading_assets.settings import Settings

TABLES = {name: output.gate.columns for step in STEPS for name, output in step.outputs.items() if output.gate.columns}
MAX_WORDS = 40


@pytest.mark.parametrize("table", TABLES)
def test_every_column_says_what_it_holds_and_in_which_unit(table: str, settings: Settings) -> None:
    said = meanings(settings)

    assert [] == [column for column in TABLES[table](settings) if not (said[column].text and said[column].unit)]


def test_no_meaning_is_left_over(settings: Settings) -> None:
    declared = {column for columns in TABLES.values() for column in columns(settings)}

    assert declared == set(meanings(settings))


def test_columns_follow_the_settings(settings: Settings) -> None:
    book = settings.book.model_copy(update={"depth": 2})
    labels = settings.labels.model_copy(update={"horizons_s": (0.5,), "flat_bps": 0.25})
    said = meanings(settings.model_copy(update={"book": book, "labels": labels}))

    level = "Price of a level of the bid side, the best is 0; null where the book has fewer levels (level 0)"
    assert f"{level} [quote currency]" == str(said["bid_px_00"])
    assert "ask_sz_02" not in said
    assert "0.25 bps" in said["class_fwd_500ms"].text


def test_times_are_in_utc_and_a_unit_that_the_name_states_is_the_one_that_is_told(settings: Settings) -> None:
    said = meanings(settings)
    declared = {name: dtype for columns in TABLES.values() for name, dtype in columns(settings).items()}

    assert {"UTC, ns"} == {said[name].unit for name, dtype in declared.items() if isinstance(dtype, pl.Datetime)}
    assert {"basis points"} == {said[name].unit for name in said if name.endswith("_bps")}
    assert {"quote currency"} == {said[name].unit for name in said if name.endswith("_px") or "_px_" in name}


def test_what_is_told_is_short(settings: Settings) -> None:
    assert [] == [name for name, said in meanings(settings).items() if len(str(said).split()) > MAX_WORDS]
