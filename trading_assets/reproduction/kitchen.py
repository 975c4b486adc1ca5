"""Make steps again in a folder of their own, by the code that this process runs: `python -m` of a process apart.

It reads `recipe.json` of the folder and prints a line of JSON for each step: what came out, or why nothing did. Another
state of the code may run it (its own copy of this module), so what is said between the two stays plain.

Belongs here: executing. Does not: choosing the code (reproduce), comparing (reproduce).
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trading_assets.definitions import STEPS
from trading_assets.errors import TradingAssetsError
from trading_assets.identifiers import Partition
from trading_assets.orchestration.apart import open_apart, version_told
from trading_assets.orchestration.execute import execute
from trading_assets.orchestration.landed import landing_folder
from trading_assets.orchestration.sources import sources
from trading_assets.orchestration.warehouse import Warehouse
from trading_assets.settings import Settings
from trading_assets.storage.registry import rules_from

RECIPE = "recipe.json"


def make_again(folder: Path) -> Iterator[dict[str, Any]]:
    """Make the steps of a folder's recipe, one after the other; stop where one fails.

    `recipe.json` has `code`, the digest of the code that is to run, `store`, the folder of objects, `migrations`, that
    of the catalogue's revisions, `gate`, a section of the settings, and `makings`, each with `step`, `partition`,
    `settings` (sections), `tick_rules` (two texts or null), `capture` (a file or null) and `inputs` (what
    `apart.told` says of each), whose bytes lie in `store`.
    """
    recipe = json.loads((folder / RECIPE).read_text())
    if recipe["code"] != sources().digest:
        yield {"error": f"the code that runs is not the recorded one: its digest is {sources().digest}"}
        return
    for making in recipe["makings"]:
        settings = Settings(root=folder, environment="development", gate=recipe["gate"], **making["settings"])
        house = open_apart(settings, folder, store=Path(recipe["store"]), migrations=Path(recipe["migrations"]))
        try:
            yield {"outputs": _outputs(making, house)}
        except TradingAssetsError as error:
            yield {"error": str(error)}
            return
        finally:
            house.lake.engine.dispose()


def _outputs(making: Mapping[str, Any], house: Warehouse) -> dict[str, str]:
    step = next(step for step in STEPS if step.name == making["step"])
    partition = Partition.parse(making["partition"])
    if making["tick_rules"] is not None:
        house.registry.register(partition.instrument, rules_from(making["tick_rules"]))
    if making["capture"] is not None:
        landed = landing_folder(house.lake.store.root, partition)
        landed.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(making["capture"], landed / "recorded.jsonl.zst")
    inputs = [version_told(each) for each in making["inputs"]]
    outcome = execute(step, partition, house, run_id="reproduce", inputs=inputs)
    if outcome.refusal:
        raise TradingAssetsError(f"refused by its gate: {outcome.refusal}")
    return {asset: version.md5 for asset, version in outcome.versions.items()}


if __name__ == "__main__":
    for line in make_again(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
