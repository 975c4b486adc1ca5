"""The command of `dvc.yaml`: one step of the graph as a stage.

Belongs here: progress. Does not: anything that is made (experiments).
"""

from typing import Annotated

import typer

from trading_assets.cli.app import app
from trading_assets.cli.terminal import say
from trading_assets.errors import InvalidIdentifier
from trading_assets.settings import default_settings, project_root


@app.command("stage")
def stage(
    name: Annotated[str, typer.Argument(metavar="STEP", help="Such as book_features.")],
) -> None:
    """Run a step as a stage of `dvc.yaml`: what `dvc repro` and `dvc exp run` call.

        dvc repro

        dvc exp run --temp -S settings.toml:default.features.grid_s=0.5

    Its inputs are what the stages before it named in `experiment/`, its parameters `[default]` of settings.toml and
    nothing else. What it makes is in the lake's store, and nothing that stands is touched.
    """
    from trading_assets.definitions import STEPS  # noqa: PLC0415 - Dagster takes seconds to import
    from trading_assets.experiments.stage import Stage  # noqa: PLC0415 - see above

    steps = {step.name: step for step in STEPS}
    if name not in steps:
        raise InvalidIdentifier(f"{name!r} is no step of the graph: there are {', '.join(steps)}")
    root = project_root()
    for partition, versions in Stage(steps[name], root, default_settings(root), STEPS).run():
        say(f"{name} of {partition}: {', '.join(f'{each.asset} {each.md5[:12]}' for each in versions)}")
