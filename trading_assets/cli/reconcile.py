"""The command that puts right what a crash left, and says what it did.

Belongs here: saying it. Does not: doing it (session, orchestration/upkeep/reconcile, orchestration/watch).
"""

from trading_assets.cli.app import app
from trading_assets.cli.terminal import say
from trading_assets.cli.work import open_session


@app.command("reconcile")
def reconcile_() -> None:
    """Put right what a crash left, and tell of late recordings and stuck runs (done by `make ui` before it starts).

    Runs whose process is gone are failed, published versions that Dagster does not know are recorded, open runs of
    MLflow are ended, and alerts that nobody took are sent again. Every command that opens the project does so too:

        trading-assets reconcile
    """
    from trading_assets.orchestration.upkeep.watch import watch  # noqa: PLC0415 - Dagster takes seconds to import

    with open_session() as session:
        done = session.repairs
        for run_id in done.dead_runs:
            say(f"run {run_id}: ", "failed, because its process is gone", "yellow")
        for version in done.reported:
            say(f"{version.asset} of {version.partition}: ", f"recorded, as {version.md5}", "green")
        for run_id in done.ended_in_mlflow:
            say(f"MLflow run {run_id}: ", "ended", "yellow")
        if done.alerts_resent:
            say("alerts that nobody took are sent again: `trading-assets alerts` shows which were delivered")
        if not done:
            say("nothing had to be put right")
        watch(session.instance, session.warehouse)
