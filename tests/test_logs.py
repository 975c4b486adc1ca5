import json

import pytest
from loguru import logger

from trading_assets.settings import Settings
from trading_assets.telemetry.logs import configure_logs, redacted


def logged(settings: Settings, capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure_logs(settings.model_copy(update={"log": settings.log.model_copy(update={"format": form})}))
    capsys.readouterr()


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_are_in_no_log_line_nor_in_its_traceback(
    settings: Settings, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    logged(settings, capsys, form)
    try:
        int("postgresql://me:hunter2@db/x")
    except ValueError:
        logger.bind(api_key="hunter2", url="redis://u:hunter2@h").exception("db_password=hunter2 and token: 'hunter2'")
    logger.remove()

    said = capsys.readouterr().err
    assert "hunter2" not in said
    assert "postgresql://me:***@db/x" in said


def test_a_machine_gets_one_json_object_a_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    logged(settings, capsys, "json")
    logger.bind(partition="2024-08-08|X.BINANCE").info('password="a b"\n\x1b[31m')
    logger.remove()

    (line,) = capsys.readouterr().err.splitlines()
    assert "2024-08-08|X.BINANCE" == json.loads(line)["record"]["extra"]["partition"]


def test_what_is_no_secret_stays() -> None:
    assert "postgresql://db/x user=me" == redacted("postgresql://db/x user=me")
