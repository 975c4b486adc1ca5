"""Names and bytes that survive a loss of power.

A file's bytes are safe once the file is synced, its name once the folder that holds it is, and that folder's name once
the next folder up is.

Belongs here: the few file-system calls whose order matters. Does not: what is written, and where (store).
"""

import os
from pathlib import Path

from trading_assets.storage.durability import effects
from trading_assets.storage.durability.effects import Effect


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each named on disk before the next is made in it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    effects.passing(Effect.FOLDER_MADE)
    folder.mkdir(exist_ok=True)
    effects.passing(Effect.FOLDER_NAME_SYNCED)
    _sync(folder.parent)


def sync_folders(files: list[Path], root: Path) -> None:
    """Sync every folder on the way from each file up to `root`, deepest first.

    Also those that were there before: who made one may have been killed before it was synced.
    """
    folders = {folder for file in files for folder in file.parents if folder.is_relative_to(root)}
    for folder in sorted(folders, key=lambda folder: (-len(folder.parts), folder)):
        effects.passing(Effect.FOLDER_SYNCED)
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
