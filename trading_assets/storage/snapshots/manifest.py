"""DVC's two texts: a folder as the list of its files, and the `.dvc` file that names folders.

Both are written byte for byte as DVC writes them, which compares their md5.

Belongs here: the texts. Does not: where they are kept (cache), what is in them (snapshots).
Source: DVC's user guide, "Internal directories and files" and "`.dvc` files".
"""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import yaml

from trading_assets.errors import CorruptObject
from trading_assets.storage.snapshots.history import Entry

DOCUMENT: Final = "data.dvc"
FOLDER: Final = "data"
TREE: Final = ".dir"
_BETWEEN: Final = b"}, {"
_PATH_FROM: Final = len(f'"md5": "{0:032}", "relpath": "')


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
    files = list(entries)
    return _tree(asset, sorted(map(_line, files), key=_path), sum(file.n_bytes for file in files))


def changed_tree(before: Tree, gone: Iterable[Entry], new: Iterable[Entry]) -> Tree:
    """List the files of a folder in which some are no longer and others are now; the rest is not looked at.

    Raises:
        CorruptObject: the list before is not what its name promises, or does not name what is gone.
    """
    _ensure_intact(before.content, before.out.tree)
    lines = before.content[len("[{") : -len("}]")].split(_BETWEEN)
    n_bytes = before.out.n_bytes
    for entry in gone:
        at = bisect_left(lines, entry.path.encode(), key=_path)
        if lines[at : at + 1] != [_line(entry)]:
            raise CorruptObject(f"the list of files {before.out.tree} does not name {entry.path} as the history does")
        del lines[at]
        n_bytes -= entry.n_bytes
    for entry in new:
        lines.insert(bisect_left(lines, entry.path.encode(), key=_path), _line(entry))
        n_bytes += entry.n_bytes
    return _tree(before.out.asset, lines, n_bytes)


def _tree(asset: str, lines: list[bytes], n_bytes: int) -> Tree:
    content = b"[{" + _BETWEEN.join(lines) + b"}]"
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Tree(Out(asset, md5 + TREE, n_bytes, len(lines)), content)


def _line(entry: Entry) -> bytes:
    """Write a file as JSON does, without its braces; a path is plain ASCII, in which no brace can be."""
    return json.dumps({"md5": entry.md5, "relpath": entry.path}).encode()[1:-1]


def _path(line: bytes) -> bytes:
    return line[_PATH_FROM:-1]


def md5s_of(content: bytes, tree: str) -> dict[str, str]:
    """Return the files that a list names, as md5 by path.

    Raises:
        CorruptObject: the bytes are not those that its name promises.
    """
    _ensure_intact(content, tree)
    return {file["relpath"]: file["md5"] for file in json.loads(content)}


def _ensure_intact(content: bytes, tree: str) -> None:
    if hashlib.md5(content, usedforsecurity=False).hexdigest() + TREE != tree:
        raise CorruptObject(f"the list of files {tree} was damaged after it was written")


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
