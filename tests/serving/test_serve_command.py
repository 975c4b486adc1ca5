from collections.abc import Callable

import pytest
from served_days import DAY, NEXT, OTHER, day_of, publish
from typer.testing import CliRunner

from trading_assets.cli.main import app
from trading_assets.orchestration.warehouse import Warehouse

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("trading_assets.cli.serve.open_warehouse", lambda: warehouse)

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["serve", *words])
        return done.exit_code, done.output

    return command


def test_serve_loads_what_is_behind_and_says_what_it_did(run: Run, warehouse: Warehouse) -> None:
    for partition in (DAY, NEXT, OTHER):
        publish(warehouse, partition, day_of(partition, 3))

    assert (0, f"1/1 book_features of {DAY}: 3 rows served\n") == run("-i", str(DAY.instrument), "--end", str(DAY.day))
    publish(warehouse, DAY, day_of(DAY, 1_200))
    code, told = run("--dry-run")
    assert (0, 3) == (code, told.count("\n"))
    assert f"book_features of {DAY}: another version is served" in told
    assert f"book_features of {NEXT}: not served" in told
    code, told = run()
    assert (0, 3) == (code, told.count("\n"))
    assert f"1/3 book_features of {DAY}: 1,200 rows replaced" in told
    assert (0, "everything that is published is served\n") == run()


def test_a_partition_that_cannot_be_loaded_does_not_keep_the_others(run: Run, warehouse: Warehouse) -> None:
    damaged = publish(warehouse, DAY, day_of(DAY, 3))
    publish(warehouse, NEXT, day_of(NEXT, 3))
    warehouse.lake.store.object_path(damaged.md5).unlink()

    code, told = run()
    assert 1 == code
    assert f"2/2 book_features of {NEXT}: 3 rows served" in told
