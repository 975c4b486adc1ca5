"""Which server is the catalogue's primary: the one of the newest timeline that this lake ever saw.

Postgres counts timelines: a standby that is promoted begins the next. A primary that comes back after its standby took
its place believes itself to be one still, and is known by its older timeline. The lake remembers the newest, because
whoever publishes has the lake. A server of an older timeline is refused, by every process that shares the lake.

Belongs here: remembering timelines, and comparing them. Does not: asking a server for its own (postgres).
"""

import fcntl
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from pydantic import TypeAdapter, ValidationError

from trading_assets.errors import CatalogFailed
from trading_assets.storage.database.faults import OldPrimary

_FILE: Final = "catalog-timelines.json"
_TIMELINES: Final = TypeAdapter(dict[str, int])


class Identity(NamedTuple):
    """What a server says of itself."""

    cluster: str
    """Postgres' system identifier, which a standby shares with its primary."""
    timeline: int
    """0 of a standby, which may follow any."""

    @property
    def is_standby(self) -> bool:
        """Whether it follows another server."""
        return self.timeline == 0


@dataclass(frozen=True, slots=True)
class Fence:
    """The newest timeline of each cluster that a lake's catalogue was ever on."""

    root: Path

    def has_newest(self, server: Identity) -> bool:
        """Tell whether the server's cluster was seen before, and on no newer timeline than the server's.

        Raises:
            CatalogFailed: what was seen cannot be read.
        """
        return server.timeline >= self._seen().get(server.cluster, math.inf)

    def newest(self, cluster: str) -> int:
        """Return the newest timeline of a cluster that was seen; 0 where none was."""
        return self._seen().get(cluster, 0)

    def admit(self, server: Identity) -> None:
        """Let a primary in, and remember its timeline where it is a newer one.

        Raises:
            OldPrimary: the lake has seen a newer timeline of the same cluster.
        """
        newest = self.newest(server.cluster)
        if server.timeline == newest:
            return
        if server.timeline > newest:
            newest = self._raised(server)
        if server.timeline < newest:
            raise OldPrimary(server.timeline, newest)

    def _seen(self) -> dict[str, int]:
        path = self.root / _FILE
        try:
            return _TIMELINES.validate_json(path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            raise CatalogFailed(
                f"{path} is damaged, which says which server took whose place: remove it once no old primary runs"
            ) from error

    def _raised(self, server: Identity) -> int:
        with self._alone() as aside:
            seen = self._seen()
            newest = max(server.timeline, seen.get(server.cluster, 0))
            aside.truncate(0)
            aside.write(json.dumps({**seen, server.cluster: newest}, indent=1))
            aside.flush()
            os.fsync(aside.fileno())
            (self.root / f"{_FILE}.new").replace(self.root / _FILE)
        return newest

    @contextmanager
    def _alone(self) -> Iterator[TextIO]:
        """Open the file that will replace the other, once nobody else has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{_FILE}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with (self.root / f"{_FILE}.new").open("w", encoding="utf-8") as aside:
                yield aside
