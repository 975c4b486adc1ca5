"""Work done ahead: an iterator that runs in a thread of its own, a few items before whoever asks for them.

Belongs here: handing over items, errors and the end. Does not: what the items are.
"""

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class _Handover(Generic[_Item]):
    """Where one thread puts items and another takes them; `n` are made, or being made, before they are asked for."""

    def __init__(self, n: int) -> None:
        self._made: SimpleQueue[tuple[tuple[_Item, ...], BaseException | None]] = SimpleQueue()
        self._room = Semaphore(n)
        self._is_abandoned = False

    def fill(self, items: Iterable[_Item]) -> None:
        """Put all items, then the end: an error, if there was one."""
        end: BaseException | None = None
        try:
            iterator = iter(items)
            while self._may_go_on():
                self._made.put(((next(iterator),), None))
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are asked for
            end = error
        self._made.put(((), end))

    def take(self) -> Iterator[_Item]:
        """Yield items until the end."""
        while (next_up := self._made.get())[0]:
            self._room.release()
            yield next_up[0][0]
        if next_up[1] is not None:
            raise next_up[1]

    def abandon(self) -> None:
        """Make no more."""
        self._is_abandoned = True
        self._room.release()

    def _may_go_on(self) -> bool:
        self._room.acquire()
        return not self._is_abandoned


def ahead(items: Iterable[_Item], *, n: int = 2) -> Iterator[_Item]:
    """Yield what `items` yields, computed in a thread while the caller works on what came before.

    It pays where either side spends its time outside the interpreter: inflating, compiled code, writing.

    Args:
        items: anything iterable; used by the thread alone.
        n: how many items are made, or being made, before they are asked for.

    Raises:
        Exception: whatever `items` raises, at its place among the items.
    """
    handover: _Handover[_Item] = _Handover(n)
    thread = Thread(target=handover.fill, args=(items,), name="ahead", daemon=True)
    thread.start()
    try:
        yield from handover.take()
    finally:
        handover.abandon()
        thread.join()
