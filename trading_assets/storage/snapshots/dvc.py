"""The project as DVC sees it: where its cache is, and which remotes it has.

Remotes are configured where stock `dvc` wants them (`dvc remote add`), and nowhere else.

Belongs here: opening DVC's repository. Does not: what is done in it (remotes, checkout).
DVC takes a second to import, so it is imported where it is used.
"""

import logging
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from configobj import ConfigObj

from trading_assets.errors import RemoteFailed, TradingAssetsError
from trading_assets.storage.durability import effects
from trading_assets.storage.durability.disk_faults import raise_full
from trading_assets.storage.durability.effects import Effect
from trading_assets.storage.snapshots.cache import Cache

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage
    from dvc_data.hashfile.db import HashFileDB

LINKS: Final = ["reflink", "copy"]
"""How `dvc checkout` fills `data/`: what is written there must never be what is written in the cache."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_LINES: Final = 4


@contextmanager
def dvc_repo(root: Path, cache: Cache) -> Iterator["Repo"]:
    """Open the project's DVC repository, which is made where there is none and told where the cache is.

    Raises:
        RemoteFailed: DVC cannot do what is asked of it, with its own words.
    """
    from dvc.exceptions import DvcException  # noqa: PLC0415 - see above
    from dvc.repo import Repo  # noqa: PLC0415 - see above

    try:
        if not (root / ".dvc").is_dir():
            Repo.init(str(root), no_scm=not (root / ".git").exists(), subdir=(root / ".git").exists()).close()
        know_cache(root, cache)
        with Repo(str(root)) as repo:
            yield repo
    except DvcException as error:
        raise RemoteFailed(f"DVC: {_in_words(error)}") from None


@contextmanager
def remote_objects(repo: "Repo", name: str | None) -> Iterator[tuple[str, "HashFileDB"]]:
    """Open a remote of the repository, the default one for None; yield its name too.

    Raises:
        RemoteFailed: there is no such remote; the message says how to add one.
    """
    from dvc.exceptions import DvcException  # noqa: PLC0415 - see above

    chosen = name or repo.config["core"].get("remote")
    known = sorted(repo.config["remote"])
    if not chosen or chosen not in known:
        there_are = f"there are: {', '.join(known)}" if known else "there is none yet"
        what = f"no remote {chosen!r}" if chosen else "no default remote"
        raise RemoteFailed(f"{what}, {there_are}; add one with `dvc remote add --default NAME URL`")
    try:
        yield chosen, repo.cloud.get_remote_odb(chosen)
    except (TradingAssetsError, DvcException):
        raise
    except Exception as error:  # each kind of remote has a library of its own, with errors of its own
        raise RemoteFailed(f"remote {chosen!r}: {_in_words(error)}") from error


def move(
    source: "HashFileDB", target: "HashFileDB", oids: Iterable[str], *, what: str, verify: bool = False
) -> list[BaseException]:
    """Copy objects, and show on a terminal how many; return what kept others of them from arriving.

    Args:
        source: where they are.
        target: where they shall be.
        oids: which.
        what: how the display calls it.
        verify: whether bytes are compared with their names when they arrive.
    """
    from dvc.fs.callbacks import TqdmCallback  # noqa: PLC0415 - see above
    from dvc_data.hashfile.hash_info import HashInfo  # noqa: PLC0415 - see above
    from dvc_data.hashfile.transfer import transfer  # noqa: PLC0415 - see above

    faults: list[BaseException] = []
    with _collected(faults, transfer.__module__), TqdmCallback(desc=what, unit="object") as shown:
        transfer(source, target, {HashInfo("md5", oid) for oid in oids}, verify=verify, callback=shown)
    return faults


def because(faults: Iterable[BaseException]) -> str:
    """Say what kept objects from arriving, the first of it, to stand behind what did not; nothing of nothing."""
    return next((f" ({_in_words(fault)})" for fault in faults), "")


def clear(repo: "Repo", document: Path, kept: Collection[Path], *, is_forced: bool) -> None:
    """Remove the folders that a `.dvc` file names and its successor does not: DVC removes files within a folder only.

    Args:
        repo: the project's.
        document: the file, which may not be there; what it names outside of the folder of those to be kept is not ours.
        kept: the folders that its successor names.
        is_forced: whether files that somebody changed may go too.

    Raises:
        RemoteFailed: one of them has files that somebody changed; nothing was removed.
    """
    ours = {folder.parent for folder in kept}
    outs = [out for stage in _stages_of(repo, document) for out in stage.outs if Path(out.fs_path) not in kept]
    there = [out for out in outs if out.exists and Path(out.fs_path).parent in ours]
    if not is_forced and (changed := [str(out) for out in there if out.workspace_status()]):
        raise RemoteFailed(f"{', '.join(changed)}: changed since it was checked out; --force removes it")
    for out in there:
        effects.passing(Effect.WORKSPACE_FILLED)
        out.remove()


def _stages_of(repo: "Repo", document: Path) -> list["Stage"]:
    """Read a `.dvc` file; one that is not there, or cannot be read, as in the middle of a merge, names nothing."""
    from dvc.exceptions import DvcException  # noqa: PLC0415 - see above

    try:
        return repo.stage.load_file(str(document)) if document.exists() else []
    except DvcException:
        return []


def fill(repo: "Repo", document: Path, *, is_forced: bool) -> None:
    """Let DVC write the files that a `.dvc` file names.

    Raises:
        OSError: the disk is full.
        RemoteFailed: it did not write all of them.
        DvcException: it does not begin, as where a changed file would be replaced.
    """
    from dvc.exceptions import CheckoutError  # noqa: PLC0415 - see above
    from dvc.repo.checkout import logger  # noqa: PLC0415 - see above

    faults: list[BaseException] = []
    try:
        with _collected(faults, logger.name):
            repo.checkout(targets=[str(document)], force=is_forced)
    except CheckoutError as error:
        raise_full(faults)
        raise RemoteFailed(f"DVC did not write {', '.join(error.target_infos)}{because(faults)}") from error


@contextmanager
def _collected(faults: list[BaseException], name: str) -> Iterator[None]:
    """Collect errors that DVC writes to its log and goes on after; the terminal is for what comes of them."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                faults.append(record.exc_info[1])

    log, collector = logging.getLogger(name), Collector()
    level, propagates = log.level, log.propagate
    log.addHandler(collector)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield
    finally:
        log.setLevel(level)
        log.propagate = propagates
        log.removeHandler(collector)


def know_cache(root: Path, cache: Cache) -> None:
    """Tell the project's DVC repository, if it is one, where the cache is, and to verify what comes from a remote.

    Also whether there is git: a copy of the project that is no clone has none, and DVC wants to be told.
    That is told in what is this machine's own, and not in the configuration that git knows: of a revision, `dvc get
    --rev` would look for the cache below `/`. A remote that somebody said something else of is left alone.
    """
    if not (root / ".dvc").is_dir():
        return
    shared = ConfigObj(str(root / ".dvc" / "config"), encoding="utf-8")
    local = ConfigObj(str(root / ".dvc" / "config.local"), encoding="utf-8", write_empty_values=True)
    wanted = {"cache": {"dir": str(cache.folder.resolve()), "type": LINKS}}
    for name in {*shared, *local}:
        if name.startswith("remote ") and "verify" not in {**shared.get(name, {}), **local.get(name, {})}:
            wanted[name] = {**local.get(name, {}), "verify": "true"}
    is_in_git = any((folder / ".git").exists() for folder in (root, *root.resolve().parents))
    if "no_scm" not in shared.get("core", {}) and is_in_git == ("no_scm" in local.get("core", {})):
        others = {key: value for key, value in local.get("core", {}).items() if key != "no_scm"}
        wanted["core"] = others if is_in_git else {**others, "no_scm": "true"}
    if any(local.get(name) != values for name, values in wanted.items()):
        local.update(wanted)
        local.write()


def _in_words(error: BaseException) -> str:
    causes = [_plain(str(error))]
    while error := error.__cause__ or error.__context__:  # type: ignore[assignment]
        causes.append(_plain(str(error)))
    return ": ".join(dict.fromkeys(cause for cause in causes if cause))


def _plain(text: str) -> str:
    """Take the colours and the line breaks out of a text, and most of a long list."""
    lines = _COLOUR.sub("", text).split("\n")
    more = [f"and {len(lines) - _LINES:,} others"] if len(lines) > _LINES else []
    return " ".join([*lines[:_LINES], *more])
