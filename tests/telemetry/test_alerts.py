import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from mail_boxes import SECRET, dead_url, hanging_url, mail_server, webhook
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, update
from sqlalchemy.orm import Session

from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.catalog import AlertRow
from trading_assets.telemetry.alerts import MAX_MESSAGE, MAX_SUBJECT, Kind, alerts, counters, raise_alert
from trading_assets.telemetry.delivery import send
from trading_assets.telemetry.outbox import MAX_A_MESSAGE, deliver, resend, send_test

PROJECT = Path(__file__).resolve().parents[2]
RAISE = """
import sys
from pathlib import Path
from pydantic import SecretStr
from trading_assets.sections import AlertSettings
from trading_assets.settings import load_settings
from trading_assets.storage.database.engines import open_engine
from trading_assets.telemetry.alerts import Kind, raise_alert
settings = load_settings(Path(sys.argv[1]), environment="development").model_copy(
    update={"root": Path(sys.argv[2]), "alerts": AlertSettings(urls=(SecretStr(sys.argv[3]),), timeout_s=5)})
engine = open_engine(settings)
for n in range(5):
    raise_alert(Kind.GATE_FAILURE, "one subject", f"time {n}", engine=engine, settings=settings)
"""


@pytest.fixture
def engine(warehouse: Warehouse) -> Engine:
    return warehouse.lake.engine


def to(settings: Settings, *urls: str, timeout_s: float = 5.0) -> Settings:
    section = {"urls": tuple(SecretStr(url) for url in urls), "timeout_s": timeout_s}
    return settings.model_copy(update={"alerts": settings.alerts.model_copy(update=section)})


@contextmanager
def log_lines() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="DEBUG", format="{message} {extra}")
    try:
        yield lines
    finally:
        logger.remove(sink)


@contextmanager
def root_log() -> Iterator[list[str]]:
    """What the standard library's logging would show."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]  # shorter than a class
    logging.getLogger().addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger().removeHandler(handler)


def wait_for_threads() -> None:
    import threading  # noqa: PLC0415 - only here

    for thread in threading.enumerate():
        if thread.name == "alerts":
            thread.join()


def tell(engine: Engine, settings: Settings, subject: str = "a|b", message: str = "n_rows is 0", **given: Any) -> None:
    raise_alert(given.get("kind", Kind.GATE_FAILURE), subject, message, engine=engine, settings=settings)
    wait_for_threads()


def test_an_alert_is_recorded_logged_and_delivered(engine: Engine, settings: Settings) -> None:
    with webhook() as box, log_lines() as lines:
        tell(engine, to(settings, box.url))

    (alert,) = alerts(engine, limit=10)
    (message,) = box.messages
    assert ("gate failure", "a|b", "n_rows is 0", 1) == (alert.kind, alert.subject, alert.message, alert.n_times)
    assert alert.delivered_at is not None
    assert "trading_assets: gate failure: a|b" == message["title"]
    assert "gate failure: a|b: n_rows is 0" == message["message"]
    assert 1 == len([line for line in lines if line.startswith("alert: n_rows is 0")])


def test_the_same_subject_is_counted_and_not_sent_again(engine: Engine, settings: Settings) -> None:
    with webhook() as box, log_lines() as lines:
        for message in ("first", "second", "third"):
            tell(engine, to(settings, box.url), message=message)
        tell(engine, to(settings, box.url), subject="another")

    assert ["gate failure: a|b: first", "gate failure: another: n_rows is 0"] == [m["message"] for m in box.messages]
    assert {"a|b": 3, "another": 1} == {alert.subject: alert.n_times for alert in alerts(engine, limit=10)}
    assert 4 == counters(engine)[Kind.GATE_FAILURE]
    assert 2 == len(lines)


def test_a_state_that_lasts_counts_once(engine: Engine, settings: Settings) -> None:
    for _ in range(3):
        tell(engine, settings, kind=Kind.LATE_PARTITION)

    assert {**dict.fromkeys(Kind, 0), Kind.LATE_PARTITION: 1} == counters(engine)


def test_without_a_url_an_alert_is_only_recorded_and_logged(engine: Engine, settings: Settings) -> None:
    tell(engine, settings)

    assert not resend(engine, settings)
    assert [None] == [alert.delivered_at for alert in alerts(engine, limit=10)]


def test_one_url_that_works_is_enough_and_the_dead_one_is_named_without_its_secret(
    engine: Engine, settings: Settings
) -> None:
    with webhook() as box, log_lines() as lines:
        tell(engine, to(settings, dead_url(), box.url, "nonsense://" + SECRET))

    assert 1 == len(box.messages)
    assert alerts(engine, limit=1)[0].delivered_at is not None
    failures = [line for line in lines if line.startswith("alert not delivered")]
    assert ["alerts.urls[0]", "alerts.urls[2]"] == sorted(line[line.index("alerts.urls") :][:14] for line in failures)
    assert SECRET not in "".join(lines)


@pytest.mark.parametrize("status", [404, 500])
def test_a_refusing_webhook_is_tried_again_and_leaves_the_alert_waiting(
    engine: Engine, settings: Settings, status: int
) -> None:
    with webhook(status) as box, log_lines() as lines:
        tell(engine, to(settings, box.url, timeout_s=2.0))

    assert 1 < len(box.messages)
    assert alerts(engine, limit=1)[0].delivered_at is None
    assert SECRET not in "".join(lines)


def test_a_webhook_that_hangs_is_left_after_the_time_limit(engine: Engine, settings: Settings) -> None:
    with hanging_url() as url, log_lines() as lines:
        tell(engine, to(settings, url, timeout_s=0.3))

    assert alerts(engine, limit=1)[0].delivered_at is None
    assert any("no answer in time" in line for line in lines)


def test_a_process_ends_although_a_webhook_hangs(engine: Engine, settings: Settings) -> None:
    assert engine
    with hanging_url() as url:
        ended = subprocess.run(
            [sys.executable, "-c", RAISE.replace("timeout_s=5", "timeout_s=0.5"), PROJECT, settings.root, url],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stderr


def test_what_nobody_took_is_sent_again_once_somebody_does(engine: Engine, settings: Settings) -> None:
    with webhook(500) as box:
        tell(engine, to(settings, box.url, timeout_s=1.0))
        box.status = 200
        box.messages.clear()
        is_too_soon = not resend(engine, to(settings, box.url))
        lock = settings.root / "var" / ".alerts.lock"
        os.utime(lock, (0, 0))
        assert resend(engine, to(settings, box.url))
        wait_for_threads()

        assert is_too_soon
        assert ["gate failure: a|b: n_rows is 0"] == [m["message"] for m in box.messages]
        assert not resend(engine, to(settings, box.url))


def test_what_is_older_than_a_day_is_not_sent_any_more(engine: Engine, settings: Settings) -> None:
    tell(engine, settings)
    with Session(engine) as session, session.begin():
        session.execute(update(AlertRow).values(first_at=datetime.now(UTC) - timedelta(days=2)))

    with webhook() as box:
        assert 0 == deliver(engine, to(settings, box.url))

    assert [] == box.messages


def test_many_waiting_alerts_go_out_in_few_messages(engine: Engine, settings: Settings) -> None:
    for n in range(MAX_A_MESSAGE + 5):
        tell(engine, settings, subject=f"partition {n}")

    with webhook() as box:
        assert MAX_A_MESSAGE + 5 == deliver(engine, to(settings, box.url))

    assert ["trading_assets: 20 alerts", "trading_assets: 5 alerts"] == [m["title"] for m in box.messages]
    assert MAX_A_MESSAGE + 5 == len(box.text.splitlines())


HOSTILE = {
    "newlines": "a\nSubject: b\r\nBcc: c",
    "long": "x" * 10_000,
    "control": "\x00\x1b[2J\u202e\u2028",
    "not UTF-8": "caf\udce9",
    "format": "{} {0} %s {extra}",
    "markup": "<script>alert(1)</script> &amp; [red]",
    "secret": "https://me:hunter2@example.org api_key=hunter2",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_message_holds_it_goes_out_as_one_line(engine: Engine, settings: Settings, text: str) -> None:
    with webhook() as box, log_lines() as lines:
        tell(engine, to(settings, box.url), subject=text, message=text)

    (alert,) = alerts(engine, limit=10)
    assert alert.delivered_at is not None
    assert len(alert.subject) <= MAX_SUBJECT
    assert len(alert.message) <= MAX_MESSAGE
    assert box.text.isprintable()
    assert box.messages[0]["title"].isprintable()
    assert "hunter2" not in box.text + "".join(lines)


def test_long_subjects_are_told_apart_by_what_is_cut_off(engine: Engine, settings: Settings) -> None:
    for end in "ab":
        tell(engine, settings, subject="x" * 300 + end)

    assert 2 == len({alert.subject for alert in alerts(engine, limit=10)})


def test_an_alert_that_cannot_be_recorded_is_still_logged(settings: Settings) -> None:
    with log_lines() as lines:
        tell(create_engine("sqlite://"), settings)

    assert 1 == len(lines)
    assert "alert, not recorded (OperationalError): n_rows is 0" in lines[0]


def test_processes_that_raise_the_same_alert_at_once_send_it_once(engine: Engine, settings: Settings) -> None:
    with webhook() as box:
        command = [sys.executable, "-c", RAISE, PROJECT, settings.root, box.url]
        processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        errors = [process.communicate()[1] for process in processes]

    assert [0] * 4 == [process.returncode for process in processes], errors
    assert 1 == len(box.messages), errors
    assert 20 == counters(engine)[Kind.GATE_FAILURE]


def test_an_alert_goes_out_as_mail(engine: Engine, settings: Settings) -> None:
    with mail_server() as (url, lines):
        tell(engine, to(settings, url), subject="a|b\nBcc: everybody@example.org")

    assert any("desk@example.org" in line for line in lines)
    assert [] == [line for line in lines if line.startswith("Bcc")]
    assert any(line.startswith("Subject: trading_assets: gate failure: a|b") for line in lines)


def test_the_test_message_says_which_urls_work(settings: Settings) -> None:
    with webhook() as box:
        answers = send_test(to(settings, box.url, dead_url(), timeout_s=2.0))

    assert [True, False] == [answer.error is None for answer in answers]
    assert ["alerts.urls[0] (JSON)", "alerts.urls[1] (JSON)"] == [answer.where for answer in answers]
    assert SECRET not in repr(answers)


def test_a_url_that_makes_apprise_raise_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise  # noqa: PLC0415 - only this test looks inside

    def explode(*_: Any, **__: Any) -> None:
        raise ValueError(f"cannot parse json://host/{SECRET}")

    monkeypatch.setattr(apprise.Apprise, "instantiate", explode)
    (answer,) = send([f"json://host/{SECRET}"], "title", "body", timeout_s=1.0)

    assert answer.error is not None
    assert "ValueError" in answer.error
    assert SECRET not in answer.error


def test_a_url_that_apprise_does_not_know_is_not_quoted_in_any_log(
    engine: Engine, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    with log_lines() as lines, root_log() as handled:
        for url in (SECRET, f"nonsense://{SECRET}", f"json://{SECRET}@:notaport/{SECRET}", f"slack://{SECRET}"):
            tell(engine, to(settings, url, timeout_s=1.0), subject=url.replace(SECRET, ""))

    said = capfd.readouterr()
    assert 4 == len([line for line in lines if line.startswith("alert not delivered")])
    assert SECRET not in "".join(lines) + "".join(handled) + said.out + said.err
