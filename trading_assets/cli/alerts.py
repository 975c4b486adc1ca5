"""The commands of alerts: what people were told, and whether telling them works.

Belongs here: what can be asked for, and showing it. Does not: raising and sending (telemetry).
"""

from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from trading_assets.cli.app import app
from trading_assets.cli.terminal import complain, say, show_table
from trading_assets.cli.work import open_session
from trading_assets.settings import current_settings

if TYPE_CHECKING:
    from trading_assets.telemetry.outbox import Alert

COLUMNS: Final = ("last", "kind", "subject", "times", "delivered", "message")


@app.command("alerts")
def alerts_(
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many of the newest are listed.")] = 50,
    test: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--test", help="Send a test message to every URL of `alerts.urls` instead.")
    ] = False,
) -> None:
    """List what people were told, newest first, and how often each kind happened.

    Refused partitions, late recordings, stuck runs, partitions that are given up, refused imports:

        trading-assets alerts

    Whether the URLs in the settings work (any of apprise: webhooks, e-mail, chat):

        TRADING_ASSETS_ALERTS__URLS='["json://127.0.0.1:8080"]' trading-assets alerts --test
    """
    if test:
        _test()
        return
    from trading_assets.telemetry.alerts import alerts, counters  # noqa: PLC0415 - SQLAlchemy is slow to import

    with open_session() as session:
        engine = session.warehouse.lake.engine
        if not show_table("alerts", COLUMNS, map(_cells, alerts(engine, limit=last))):
            say("nobody had to be told of anything")
            return
        say(", ".join(f"{kind}: {n:,}" for kind, n in counters(engine).items()))


def _test() -> None:
    from trading_assets.telemetry.outbox import send_test  # noqa: PLC0415 - SQLAlchemy is slow to import

    answers = send_test(current_settings())
    for answer in answers:
        if answer.error is None:
            say(f"{answer.where}: ", "it was taken", "green")
        else:
            complain("error", f"{answer.where}: {answer.error}")
    if not answers:
        complain("error", "there is no URL to send to: put some into `alerts.urls` (settings.toml or .secrets.toml)")
    if not answers or any(answer.error for answer in answers):
        raise typer.Exit(1)


def _cells(alert: "Alert") -> tuple[str | Text, ...]:
    is_delivered = alert.delivered_at is not None
    return (
        alert.last_at.isoformat(sep=" ", timespec="seconds"),
        alert.kind,
        alert.subject,
        f"{alert.n_times:,}",
        Text("yes", style="green") if is_delivered else Text("no", style="yellow"),
        alert.message,
    )
