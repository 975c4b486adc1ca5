import dagster as dg
from served_days import DAY, NEXT, day_of, expected, publish, served

from trading_assets.definitions import build_definitions
from trading_assets.orchestration.automation.sensors import ask_for_serving
from trading_assets.orchestration.serving_asset import NAME, served_tables
from trading_assets.orchestration.warehouse import Warehouse


def run(request: dg.RunRequest, house: Warehouse, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [served_tables()], instance=instance, resources={"warehouse": house}, tags=request.tags, raise_on_error=False
    )


def test_publications_are_served_by_one_run_and_then_nothing_is_asked_for(warehouse: Warehouse) -> None:
    for partition in (DAY, NEXT):
        publish(warehouse, partition, day_of(partition, 3))
    with dg.DagsterInstance.ephemeral() as instance:
        request = ask_for_serving(instance, warehouse)
        assert isinstance(request, dg.RunRequest)
        done = run(request, warehouse, instance)
        (check,) = done.get_asset_check_evaluations()
        (made,) = done.asset_materializations_for_node(NAME)

        assert check.passed
        assert (2, 6) == (made.metadata["partitions"].value, made.metadata["rows"].value)
        assert expected(DAY, day_of(DAY, 3)) == served(warehouse)
        assert isinstance(ask_for_serving(instance, warehouse), dg.SkipReason)


def test_what_cannot_be_served_keeps_nothing_else_and_is_not_asked_for_for_ever(warehouse: Warehouse) -> None:
    damaged = publish(warehouse, DAY, day_of(DAY, 3))
    publish(warehouse, NEXT, day_of(NEXT, 3))
    warehouse.lake.store.object_path(damaged.md5).unlink()
    with dg.DagsterInstance.ephemeral() as instance:
        n_asked = 0
        while isinstance(request := ask_for_serving(instance, warehouse), dg.RunRequest):
            done = run(request, warehouse, instance)
            n_asked += 1
            (check,) = done.get_asset_check_evaluations()
            assert not check.passed
            assert not done.success

        assert 1 + warehouse.settings.backfill.max_attempts == n_asked
        assert 3 == len(served(warehouse, NEXT))


def test_the_sensor_ships_stopped(warehouse: Warehouse) -> None:
    sensor = build_definitions(warehouse.settings).get_sensor_def("serving")

    assert dg.DefaultSensorStatus.STOPPED is sensor.default_status
