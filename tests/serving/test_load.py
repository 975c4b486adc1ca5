import threading
from datetime import timedelta

import polars as pl
import pytest
from served_days import DAY, NEXT, OTHER, day_of, expected, publish, served, shifted
from sqlalchemy import func, select, update

from trading_assets.errors import CorruptObject, NotPublished, NotServable
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.serving import write
from trading_assets.serving.due import due
from trading_assets.serving.load import load
from trading_assets.serving.tables import SERVED, ServedPartitionRow
from trading_assets.storage.database.transactions import query, transact

FEATURES = "book_features"


@pytest.mark.parametrize("asset", SERVED)
def test_every_row_and_column_is_served_as_it_was_published(house: Warehouse, asset: str) -> None:
    rows = day_of(DAY, 5_000, asset=asset)
    publish(house, DAY, rows, asset=asset)

    found = load(house.lake, asset, DAY)

    assert 5_000 == found.n_rows
    assert expected(DAY, rows) == served(house, asset=asset)


def test_the_last_microsecond_of_a_day_is_of_that_day_and_all_instruments_are_apart(house: Warehouse) -> None:
    rows = day_of(DAY, 86_400, asset="forecasts").tail(3)
    late = shifted(rows, timedelta(microseconds=999_999))
    for partition in (DAY, OTHER):
        publish(house, partition, late, asset="forecasts")
        load(house.lake, "forecasts", partition)
    publish(house, NEXT, day_of(NEXT, 3, asset="forecasts"), asset="forecasts")
    load(house.lake, "forecasts", NEXT)
    publish(house, DAY, late.head(1), asset="forecasts")
    load(house.lake, "forecasts", DAY)

    assert expected(DAY, late.head(1)) == served(house, asset="forecasts")
    assert expected(OTHER, late) == served(house, OTHER, asset="forecasts")
    assert 3 == len(served(house, NEXT, asset="forecasts"))


def test_infinities_and_what_is_not_a_number_arrive_as_they_are(on_postgres: Warehouse) -> None:
    values = pl.Series("mid_px", [float("nan"), float("inf"), float("-inf"), None, -0.0, 5e-324])
    publish(on_postgres, DAY, day_of(DAY, 6).with_columns(values))
    load(on_postgres.lake, FEATURES, DAY)

    assert repr(list(values)) == repr([row["mid_px"] for row in served(on_postgres)])


@pytest.mark.sqlite
def test_a_file_keeps_infinities_and_has_null_for_what_is_not_a_number(warehouse: Warehouse) -> None:
    values = pl.Series("mid_px", [float("nan"), float("inf"), float("-inf"), None, 5e-324])
    publish(warehouse, DAY, day_of(DAY, 5).with_columns(values))
    load(warehouse.lake, FEATURES, DAY)

    assert [None, float("inf"), float("-inf"), None, 5e-324] == [row["mid_px"] for row in served(warehouse)]


def test_columns_that_the_table_has_not_go_into_one_and_those_it_lacks_are_null(house: Warehouse) -> None:
    rows = day_of(DAY, 3).drop("mid_px", "n_trades_60s")
    more = pl.DataFrame({"ret_5s_bps": [0.1, None, 3.0], "n_trades_5s": [None, 2, 2**53 + 1], 'a "b"': ["é", "", None]})
    publish(house, DAY, rows.hstack(more))
    load(house.lake, FEATURES, DAY)

    found = served(house)
    assert more.rows(named=True) == [row["others"] for row in found]
    assert [(None, None)] * 3 == [(row["mid_px"], row["n_trades_60s"]) for row in found]
    assert rows["spread_px"].to_list() == [row["spread_px"] for row in found]


def test_a_column_of_another_number_type_is_taken_as_the_tables(house: Warehouse) -> None:
    rows = day_of(DAY, 3).with_columns(n_trades_1s=pl.Series([1.0, None, 3.0]), mid_px=pl.Series([1, None, 3]))
    publish(house, DAY, rows)
    load(house.lake, FEATURES, DAY)

    assert [(1, 1.0), (None, None), (3, 3.0)] == [(row["n_trades_1s"], row["mid_px"]) for row in served(house)]


def test_a_version_without_rows_is_served_and_replaces_one_with_rows(house: Warehouse) -> None:
    for rows in (day_of(DAY, 3), day_of(DAY, 0)):
        publish(house, DAY, rows)
        load(house.lake, FEATURES, DAY)

    assert [] == served(house)
    assert [] == due(house.lake.engine)


def test_loading_again_writes_nothing(house: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(house, DAY, day_of(DAY, 3))
    first = load(house.lake, FEATURES, DAY)
    monkeypatch.setattr("trading_assets.serving.load.write", _never)
    monkeypatch.setattr("trading_assets.storage.lake.Lake.open", _never)

    assert first == load(house.lake, FEATURES, DAY)


def _never(*_: object) -> int:
    raise AssertionError("nothing should be read or written")


def test_a_publication_makes_its_partition_due_and_loading_replaces_all_of_its_rows(house: Warehouse) -> None:
    for partition in (DAY, NEXT, OTHER):
        publish(house, partition, day_of(partition, 9))
        load(house.lake, FEATURES, partition)
    newer = day_of(DAY, 4, plus=0.5)
    version = publish(house, DAY, newer)

    (found,) = due(house.lake.engine)
    assert (FEATURES, DAY, version.md5, True) == (found.asset, found.partition, found.md5, found.is_served)
    load(house.lake, FEATURES, DAY)
    assert expected(DAY, newer) == served(house)
    assert expected(NEXT, day_of(NEXT, 9)) == served(house, NEXT)
    assert expected(OTHER, day_of(OTHER, 9)) == served(house, OTHER)
    assert [] == due(house.lake.engine)


def test_what_is_due_is_asked_of_a_window_and_of_instruments(house: Warehouse) -> None:
    for partition in (NEXT, OTHER, DAY):
        publish(house, partition, day_of(partition, 1))
        publish(house, partition, day_of(partition, 1, asset="forecasts"), asset="forecasts")

    assert [DAY, DAY, OTHER, OTHER, NEXT, NEXT] == [each.partition for each in due(house.lake.engine)]
    assert [DAY, DAY] == [each.partition for each in due(house.lake.engine, [DAY.instrument], DAY.day, DAY.day)]
    assert [NEXT, NEXT] == [each.partition for each in due(house.lake.engine, None, NEXT.day)]
    assert [] == due(house.lake.engine, [])


def test_a_version_loaded_into_other_columns_is_loaded_again(house: Warehouse) -> None:
    publish(house, DAY, day_of(DAY, 2))
    load(house.lake, FEATURES, DAY)
    transact(house.lake.engine, lambda session: session.execute(update(ServedPartitionRow).values(layout="before")))

    assert [DAY] == [each.partition for each in due(house.lake.engine)]
    load(house.lake, FEATURES, DAY)
    assert [] == due(house.lake.engine)
    assert expected(DAY, day_of(DAY, 2)) == served(house)


def test_what_does_not_stand_or_is_damaged_is_not_served(house: Warehouse) -> None:
    with pytest.raises(NotPublished, match="trading-assets run"):
        load(house.lake, FEATURES, DAY)

    path = house.lake.store.object_path(publish(house, DAY, day_of(DAY, 2)).md5)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(CorruptObject):
        load(house.lake, FEATURES, DAY)
    assert [] == served(house)


@pytest.mark.parametrize(
    ("by", "told"),
    [(timedelta(days=1), "of another day"), (timedelta(microseconds=-1), "of another day")],
)
def test_ticks_of_another_day_are_refused(house: Warehouse, by: timedelta, told: str) -> None:
    publish(house, DAY, shifted(day_of(DAY, 2), by))

    with pytest.raises(NotServable, match=told):
        load(house.lake, FEATURES, DAY)


def test_ticks_between_two_microseconds_are_refused(warehouse: Warehouse) -> None:
    rows = day_of(DAY, 2).with_columns(pl.col("ts_grid") + pl.duration(nanoseconds=500))
    publish(warehouse, DAY, rows)

    with pytest.raises(NotServable, match="a whole number of microseconds"):
        load(warehouse.lake, FEATURES, DAY)


def test_a_load_that_fails_half_way_leaves_the_rows_before(house: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    old = day_of(DAY, 9)
    publish(house, DAY, old)
    load(house.lake, FEATURES, DAY)
    publish(house, DAY, day_of(DAY, 5_000, plus=1))
    with monkeypatch.context() as patch:
        patch.setattr("trading_assets.serving.load._row", _fail)
        with pytest.raises(ZeroDivisionError):
            load(house.lake, FEATURES, DAY)

    assert expected(DAY, old) == served(house)
    assert 5_000 == load(house.lake, FEATURES, DAY).n_rows


def _fail(*_: object) -> object:
    raise ZeroDivisionError


def test_a_pointer_that_moves_while_a_version_is_read_is_followed(
    house: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(house, DAY, day_of(DAY, 2))
    newer = day_of(DAY, 3, plus=1)
    opened = type(house.lake).open

    def open_late(lake: object, version: object) -> object:
        monkeypatch.undo()
        publish(house, DAY, newer)
        return opened(lake, version)  # type: ignore[arg-type]

    monkeypatch.setattr("trading_assets.storage.lake.Lake.open", open_late)

    assert 3 == load(house.lake, FEATURES, DAY).n_rows
    assert expected(DAY, newer) == served(house)


def test_loaders_at_once_load_once(house: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(house, DAY, day_of(DAY, 2_000))
    written: list[int] = []
    errors: list[BaseException] = []

    def counted(*args: object) -> int:
        written.append(1)
        return write.write(*args)  # type: ignore[arg-type]

    def run() -> None:
        try:
            load(house.lake, FEATURES, DAY)
        except BaseException as error:  # noqa: BLE001 - whatever a thread raises, the test shows it
            errors.append(error)

    monkeypatch.setattr("trading_assets.serving.load.write", counted)
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == errors
    assert [1] == written
    assert expected(DAY, day_of(DAY, 2_000)) == served(house)


def test_rows_are_counted_as_they_are_written(house: Warehouse) -> None:
    publish(house, DAY, day_of(DAY, 70_000, asset="forecasts"), asset="forecasts")

    table = SERVED["forecasts"]
    assert 70_000 == load(house.lake, "forecasts", DAY).n_rows
    assert 70_000 == query(house.lake.engine, lambda session: session.scalar(select(func.count()).select_from(table)))
