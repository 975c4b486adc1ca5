"""DVC's two texts: a folder as the list of its files, and the `.dvc` file that names folders.

Both are written byte for byte as DVC writes them, which compares their md5.

Belongs here: the texts. Does not: where they are kept (cache), what is in them (snapshots).
Source: DVC's user guide, "Internal directories and files" and "`.dvc` files".
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import yaml

from trading_assets.errors import CorruptObject
from trading_assets.storage.snapshots.history import Entry

DOCUMENT: Final = "data.dvc"
FOLDER: Final = "data"
TREE: Final = ".dir"


@dataclass(frozen=True, slots=True, order=True)
class Out:
    """The folder of one asset."""

    asset: str
    tree: str
    """The md5 of the list of its files, with `.dir` behind it, as DVC names it."""
    n_bytes: int
    n_files: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The list of the files of a folder."""

    out: Out
    content: bytes


def tree_of(asset: str, entries: Iterable[Entry]) -> Tree:
    """List the files of an asset's folder, by their paths."""
    files = sorted(entries, key=lambda entry: entry.path)
    content = json.dumps([{"md5": file.md5, "relpath": file.path} for file in files]).encode()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Tree(Out(asset, md5 + TREE, sum(file.n_bytes for file in files), len(files)), content)


def md5s_of(content: bytes, tree: str) -> dict[str, str]:
    """Return the files that a list names, as md5 by path.

    Raises:
        CorruptObject: the bytes are not those that its name promises.
    """
    if hashlib.md5(content, usedforsecurity=False).hexdigest() + TREE != tree:
        raise CorruptObject(f"the list of files {tree} was damaged after it was written")
    return {file["relpath"]: file["md5"] for file in json.loads(content)}


def document_of(outs: Iterable[Out]) -> str:
    """Write the `.dvc` file that names some folders."""
    named = [
        {
            "md5": out.tree,
            "size": out.n_bytes,
            "nfiles": out.n_files,
            "hash": "md5",
            "path": f"{FOLDER}/{out.asset}",
        }
        for out in sorted(outs, key=lambda out: out.asset)
    ]
    return str(yaml.safe_dump({"outs": named}, sort_keys=False))


def outs_of(document: str) -> list[Out]:
    """Read what `document_of` wrote."""
    outs: list[dict[str, Any]] = yaml.safe_load(document)["outs"]
    return [Out(out["path"].removeprefix(f"{FOLDER}/"), out["md5"], out["size"], out["nfiles"]) for out in outs]
