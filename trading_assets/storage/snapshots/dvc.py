"""The project as DVC sees it: where its cache is, and which remotes it has.

Remotes are configured where stock `dvc` wants them (`dvc remote add`), and nowhere else.

Belongs here: opening DVC's repository. Does not: what is done in it (remotes, checkout).
DVC takes a second to import, so it is imported where it is used.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from configobj import ConfigObj

from trading_assets.errors import RemoteFailed, TradingAssetsError
from trading_assets.storage.snapshots.cache import Cache

if TYPE_CHECKING:
    from dvc.fs.callbacks import Callback
    from dvc.repo import Repo
    from dvc_data.hashfile.db import HashFileDB
    from dvc_data.hashfile.hash_info import HashInfo

LINKS: Final = ["reflink", "copy"]
"""How `dvc checkout` fills `data/`: what is written there must never be what is written in the cache."""


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


@contextmanager
def progress(what: str) -> Iterator["Callback"]:
    """Show how many objects were moved, on a terminal."""
    from dvc.fs.callbacks import TqdmCallback  # noqa: PLC0415 - see above

    with TqdmCallback(desc=what, unit="object") as callback:
        yield callback


def hashes(oids: Iterable[str]) -> set["HashInfo"]:
    """Name objects as DVC does."""
    from dvc_data.hashfile.hash_info import HashInfo  # noqa: PLC0415 - see above

    return {HashInfo("md5", oid) for oid in oids}


def know_cache(root: Path, cache: Cache) -> None:
    """Tell the project's DVC repository, if it is one, where the cache is, and to verify what comes from a remote.

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
    if any(local.get(name) != values for name, values in wanted.items()):
        local.update(wanted)
        local.write()


def _in_words(error: BaseException) -> str:
    causes = [str(error)]
    while error := error.__cause__ or error.__context__:  # type: ignore[assignment]
        causes.append(str(error))
    return ": ".join(dict.fromkeys(cause for cause in causes if cause))
