"""What a stage made, as the small file that DVC compares and keeps: versions by name, and none of their bytes.

Equal versions are written as equal bytes, so a stage that made what it had made before stops what would follow.

Belongs here: the files' shape and place. Does not: what is in them (stage).
"""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from trading_assets.errors import NotPublished
from trading_assets.orchestration.apart import told, version_told
from trading_assets.orchestration.step import Step
from trading_assets.storage.records import Version

FOLDER: Final = "experiment"


def manifest_path(step: Step) -> Path:
    """Return where a stage writes what it made, seen from the folder of `dvc.yaml`."""
    return Path(FOLDER) / f"{step.name}.json"


def write_manifest(path: Path, versions: Iterable[Version]) -> None:
    """Write what a stage made, whole or not at all."""
    values = sorted((told(version) for version in versions), key=lambda each: (each["asset"], each["partition"]))
    path.parent.mkdir(exist_ok=True)
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(values, indent=1) + "\n")
    aside.replace(path)


def read_manifests(root: Path, step: Step, assets: Collection[str], makers: Iterable[Step]) -> Iterator[Version]:
    """Yield what other stages made of some assets.

    Raises:
        NotPublished: a stage before this one did not run.
    """
    for maker in makers:
        if not set(assets) & set(maker.outputs):
            continue
        path = manifest_path(maker)
        try:
            versions = [version_told(each) for each in json.loads((root / path).read_text())]
        except FileNotFoundError:
            raise NotPublished(
                f"{step.name} needs {path}: `dvc repro {step.name}` makes all that comes before it"
            ) from None
        except (ValueError, TypeError, KeyError):
            raise NotPublished(f"{path} is not what a stage writes: `dvc checkout {path}` brings it back") from None
        yield from (version for version in versions if version.asset in assets)
