"""Carry a message to URLs through apprise (webhooks, e-mail, chat), in bounded time and without telling a URL's secret.

A URL is named by its place in `alerts.urls` and its service, because any part of it may be a token. What goes wrong
is a value, not an exception: an alert must never fail what it tells of.

Belongs here: one message to many URLs. Does not: which messages (alerts).
"""

import concurrent.futures.thread  # noqa: F401 - apprise needs it, and it cannot be imported when a process ends
import logging
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from tenacity import RetryError, retry, retry_if_result, stop_after_attempt, stop_after_delay, wait_random_exponential

from trading_assets.telemetry.logs import HIDDEN, redacted

ATTEMPTS: Final = 3
_MAX_REASON: Final = 300
_SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """Whether one URL took a message, or why not."""

    where: str
    error: str | None


def send(urls: Sequence[str], title: str, body: str, *, timeout_s: float) -> list[Sent]:
    """Send one message to every URL at once; each may take `timeout_s`, retries included."""
    _prepare_apprise()
    answers: dict[int, Sent] = {}

    def ask(n: int) -> None:
        answers[n] = _send_one(n, urls[n], title, body, timeout_s)

    # Daemons: a server that neither answers nor hangs up must not keep the process from ending.
    threads = [threading.Thread(target=ask, args=(n,), daemon=True, name=f"alert-{n}") for n in range(len(urls))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [answers.get(n, Sent(_place(n), "no answer in time")) for n in range(len(urls))]


def _prepare_apprise() -> None:
    """Import it before the clock runs, and keep its log lines to its results: they quote URLs it does not know."""
    lines = logging.getLogger("apprise")
    lines.propagate = False
    if not lines.handlers:
        lines.addHandler(logging.NullHandler())
    import apprise  # noqa: F401, PLC0415 - only a process that sends needs it


def _send_one(n: int, url: str, title: str, body: str, timeout_s: float) -> Sent:
    try:
        service = _service(url)
        if service is None:
            return Sent(_place(n), "not a URL that apprise knows, or incomplete")
        where = f"{_place(n)} ({service.service_name})"
        return Sent(where, _tried(service, url, title, body, timeout_s))
    except Exception as error:  # noqa: BLE001 - each of apprise's services raises its own
        return Sent(_place(n), _without_secrets(f"{type(error).__name__}: {error}", url))


def _service(url: str) -> Any:  # noqa: ANN401 - one of apprise's many classes
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - see _prepare_apprise

    # Without a time limit of its own apprise sends in the calling thread, and not in a pool that an exit waits for.
    return Apprise.instantiate(url, asset=AppriseAsset(app_id="trading_assets", service_timeout=0))


def _tried(service: Any, url: str, title: str, body: str, timeout_s: float) -> str | None:  # noqa: ANN401 - see above
    """Send, and again after a failure while there is time; None when it was taken, else the last reason."""

    @retry(
        retry=retry_if_result(lambda reason: reason is not None),
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(timeout_s / 2),
        wait=wait_random_exponential(multiplier=timeout_s / 20, max=timeout_s / 4),
    )
    def attempt() -> str | None:
        return _asked(service, url, title, body)

    try:
        return attempt()
    except RetryError as error:
        return str(error.last_attempt.result())


def _asked(service: Any, url: str, title: str, body: str) -> str | None:  # noqa: ANN401 - see above
    from apprise import Apprise, NotifyFormat, NotifyType  # noqa: PLC0415 - see _prepare_apprise

    post = Apprise()
    post.add(service)
    result = post.notify(body=body, title=title, notify_type=NotifyType.WARNING, body_format=NotifyFormat.TEXT)
    if result:
        return None
    reasons = " ".join(entry.message for entry in result.logs()) or "it was not taken"
    return _without_secrets(reasons, url)


def _place(n: int) -> str:
    return f"alerts.urls[{n}]"


def _without_secrets(text: str, url: str) -> str:
    """Hide every part of the URL but its scheme, as written and as decoded."""
    _, _, rest = url.partition("://")
    parts = {part for part in re.split(r"[:/@?&=#]+", rest) if len(part) >= _SHORTEST_SECRET}
    for part in sorted(parts | {unquote(part) for part in parts}, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return redacted(" ".join(text.split()))[:_MAX_REASON]
