"""The lock between those who publish objects and the one who removes them.

An object is kept in the store before the transaction that points to it. Whoever removes objects in between would see
one that nothing refers to. So publishers share this lock over both, and a remover holds it alone while it looks and
removes: at its look, each publication has either committed or not begun. The system drops the lock with its process.

Always taken before a transaction and never within one, or the two could wait for each other.

Belongs here: the lock. Does not: what is published (lake, acceptance) or removed (retention).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def publishing(root: Path) -> Iterator[None]:
    """Keep objects under a store's root from being removed, from the first that is kept to the pointers' commit."""
    with _held(root, fcntl.LOCK_SH):
        yield


@contextmanager
def removing(root: Path) -> Iterator[None]:
    """Keep publications out, so that an object to which nothing refers now is not about to be referred to."""
    with _held(root, fcntl.LOCK_EX):
        yield


@contextmanager
def _held(root: Path, kind: int) -> Iterator[None]:
    """Lock the folder itself, so that taking the lock writes nothing."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
