"""How a connection is encrypted, by what its address says."""

import pytest
from postgres_lakes import on_postgres
from sqlalchemy import make_url

from trading_assets.errors import InvalidSettings
from trading_assets.settings import Settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.storage.database.postgres import encryption

LOCAL = ("/db", "/db?host=/var/run/postgresql", "/db?host=/tmp,/run")
REMOTE = (
    "db1/db",
    "/db?host=db1",
    "/db?host=db1:5432&host=db2:5432",
    "/db?host=/tmp,db1",
    "/db?host=/tmp&hostaddr=10.0.0.1",
    "/db?hostaddr=10.0.0.1",
    "/db?service=team",
)


@pytest.mark.parametrize("address", REMOTE)
def test_a_server_elsewhere_has_to_prove_its_name(address: str) -> None:
    assert "verify-full" == encryption(make_url(f"postgresql+psycopg://u@{address}"), "production")


@pytest.mark.parametrize("address", LOCAL)
def test_a_local_socket_needs_no_certificate(address: str) -> None:
    assert "prefer" == encryption(make_url(f"postgresql+psycopg://u@{address}"), "production")


def test_a_host_that_the_environment_names_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db1")

    assert "verify-full" == encryption(make_url("postgresql+psycopg://u@/db"), "production")


@pytest.mark.parametrize("address", REMOTE)
@pytest.mark.parametrize("mode", ["disable", "prefer", "require", "verify-ca"])
def test_production_trusts_no_server_that_does_not(settings: Settings, address: str, mode: str) -> None:
    url = make_url(f"postgresql+psycopg://u@{address}").update_query_dict({"sslmode": mode})
    production = settings.model_copy(update={"environment": "production"})

    with pytest.raises(InvalidSettings, match=f"sslmode={mode} would trust any server"):
        open_engine(on_postgres(production, url.render_as_string(hide_password=False)))
    assert mode == encryption(url, "development")


@pytest.mark.parametrize("url", ["mysql://u@h/db", "postgresql+psycopg2://u@h/db"])
def test_another_database_or_driver_is_refused_by_name(settings: Settings, url: str) -> None:
    with pytest.raises(InvalidSettings, match=r"is not supported: write .*postgresql.psycopg://"):
        open_engine(on_postgres(settings, url))
