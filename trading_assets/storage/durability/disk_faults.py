"""A full or failing disk, said in one line that names the fix.

The same fault arrives in three guises: from the system, from Polars, which keeps the system's number in its text only,
and from SQLite. Nothing is tried again here: after a failed sync a file's bytes are anybody's guess, so the attempt is
given up, and the next one makes its files anew.

Belongs here: recognising such faults. Does not: what they leave, which is what a crash at the same place leaves.
"""

import errno
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from polars.exceptions import PolarsError
from sqlalchemy.exc import OperationalError

from trading_assets.errors import DiskFailed, DiskFull

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FAILED: Final = frozenset({errno.EIO, errno.EROFS})
_OF_SQLITE: Final = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_CANTOPEN: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
}
_OF_POLARS: Final = re.compile(r"\(os error (\d+)\)")


def raise_full(faults: Iterable[BaseException]) -> None:
    """Raise the first fault that says of a disk that it is full, of those that a library met and went on after.

    Raises:
        OSError: that one.
    """
    for fault in faults:
        if isinstance(fault, OSError) and fault.errno in _FULL:
            raise fault


@contextmanager
def disk_faults_named(root: Path, doing: str) -> Iterator[None]:
    """Turn what a full or failing disk raises within the block into an error that a user can act on.

    Raises:
        DiskFull: there is no space, no quota, or no room under a limit on the size of files.
        DiskFailed: the disk could not write, sync or read, or may not be written to.
    """
    try:
        yield
    except (OSError, PolarsError, OperationalError) as error:
        number = _system_error(error)
        where, why = f"the disk of {root}", os.strerror(number)
        if isinstance(error, OperationalError):
            where, why = "the disk of the catalogue", str(error.orig)
        if number in _FULL:
            raise DiskFull(
                f"{where} is full: {doing} was given up, and what was published before still stands; "
                "free some space and run it again"
            ) from error
        if number in _FAILED:
            raise DiskFailed(
                f"{where} failed ({why}): {doing} was given up, and what was published before still "
                "stands; see the system's log (dmesg), put the disk right and run it again"
            ) from error
        raise


def _system_error(error: OSError | PolarsError | OperationalError) -> int:
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if isinstance(error, OperationalError):
        code = getattr(error.orig, "sqlite_errorcode", 0)  # the low byte says what, the rest says where
        return _OF_SQLITE.get(code & 0xFF, 0)
    found = _OF_POLARS.search(str(error))
    return int(found[1]) if found else 0
