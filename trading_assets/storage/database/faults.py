"""What a database's error means: whether trying again can help, and one line that names the fix.

Postgres gives a code for what happens within a session, and a text alone for what happens while connecting; where the
text is of a kind that nobody here knows, it counts as a server that is away, and is tried again for a while.

Belongs here: reading errors. Does not: trying again (transactions), SQLite's (durability/disk_faults).
Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import re
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from trading_assets.errors import CatalogFailed, DiskFull, TradingAssetsError

_LOST: Final = re.compile(r"08...|57P0[1-5]|40001|40P01|25006|25P0[34]|53300")
"""Connections, shutdowns, conflicts, a primary that became a standby, idle for too long, too many at once."""
_DISK_FULL: Final = "53100"
_CONNECTING: Final = (
    (r"does not match host name", "name the server in catalog.url as its certificate does, or renew that"),
    (
        r"certificate verify failed",  # libpq does not say why
        (
            "the server's certificate has expired, or is of an authority that sslrootcert does not have: renew it, or "
            "name the file of its authority in catalog.url, as sslrootcert=FILE"
        ),
    ),
    (r"root certificate file", "name the file of its authority in catalog.url, as sslrootcert=FILE"),
    (r"server does not support SSL", "switch TLS on at the server (ssl = on), or name one that has it"),
    (r"alert protocol version", "server and client have no version of TLS in common: update the older of them"),
    (
        r"password authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist",
        "check the user and the password in catalog.url, and the server's pg_hba.conf",
    ),
    (
        r"permission denied for database|is not permitted to log in",
        (
            "have a DBA make the user of catalog.url a member of one of the catalogue's roles, and GRANT CONNECT ON "
            "DATABASE to that role (docs/postgres.md)"
        ),
    ),
    (r"database .* does not exist", "create the database, or correct its name in catalog.url"),
)
"""What a text of a failed connection says, and what to do; trying again helps with none of them."""
_IN_DOUBT: Final = (
    "The connection broke while a change was committed, so only the database knows whether it was: whole, or not at "
    "all. `trading-assets status` shows it once the server is back; to run it again does no harm"
)
_WITHIN: Final = {
    "42501": "catalog.url names a role that may not do this: docs/postgres.md has who may do what",
    "42P01": "a table is missing: run `trading-assets db upgrade` as the owner",
    "42703": "a column is missing: run `trading-assets db upgrade` as the owner",
    "3F000": "the schema is missing: run `trading-assets db upgrade` as the owner",
    "57014": "a statement took longer than catalog.statement_timeout_s",
    "55P03": (
        "the write lock was held for longer than catalog.busy_timeout_s, by another process or by a commit that waits "
        "for its standby: bring the standby back, and terminate no session on the server, which would commit without it"
    ),
}


_SAID_ANYWAY: Final = ("Multiple connection attempts", "Is the server running")


class OldPrimary(Exception):
    """A server that was the primary until a standby took its place."""

    def __init__(self, timeline: int, newest: int) -> None:
        super().__init__(
            f"this server is on timeline {timeline} and the catalogue has been on {newest}: it was the primary once, "
            "and another has taken its place; nothing may be written here"
        )


def is_lost(error: BaseException) -> bool:
    """Tell whether the server, or the way to it, was lost, so that trying again may help."""
    if isinstance(error, OldPrimary):
        return True
    if not isinstance(error, DBAPIError) or isinstance(error, IntegrityError):
        return False
    if code := getattr(error.orig, "sqlstate", None):
        return bool(_LOST.fullmatch(code))
    if error.connection_invalidated:
        return True
    return isinstance(error, OperationalError) and _of_connecting(_text(error)) is None


def in_words(error: DBAPIError | OldPrimary, *, is_in_doubt: bool = False) -> TradingAssetsError | None:
    """Return what a user can act on, or None where it is no fault of the database's.

    Args:
        error: the last one.
        is_in_doubt: whether a commit got no answer, and it was not possible to look since.
    """
    if isinstance(error, OldPrimary):
        return CatalogFailed(f"the catalogue: {error}")
    text, code = _text(error), getattr(error.orig, "sqlstate", None)
    if code == _DISK_FULL:
        return DiskFull(f"the disk of the catalogue's server is full ({text}): free some space there and run it again")
    if code in _WITHIN:
        return CatalogFailed(f"the catalogue: {text}: {_WITHIN[code]}{f'. {_IN_DOUBT}' if is_in_doubt else ''}")
    if is_lost(error):
        return CatalogFailed(
            f"the catalogue cannot be reached: {text}: is the server running, and does catalog.url name it? "
            + (_IN_DOUBT if is_in_doubt else "Nothing was changed, and what was published stands; run it again")
        )
    if fix := _of_connecting(text):
        return CatalogFailed(f"the catalogue cannot be opened: {text}: {fix}")
    return None


def _of_connecting(text: str) -> str | None:
    return next((fix for pattern, fix in _CONNECTING if re.search(pattern, text, re.DOTALL)), None)


def _text(error: DBAPIError) -> str:
    """Return the database's own words in one line, each once: drivers repeat those of every server."""
    lines = [line.strip(" -\t").rpartition("connection failed: ")[2] for line in str(error.orig).splitlines()]
    told = dict.fromkeys(line for line in lines if line and not line.startswith(_SAID_ANYWAY))
    return "; ".join(told)
