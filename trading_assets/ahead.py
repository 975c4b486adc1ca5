"""Work done ahead: an iterator that runs in a thread of its own, a few items before whoever asks for them.

Belongs here: handing over items, errors and the end. Does not: what the items are.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import Final, Generic, TypeVar

_Item = TypeVar("_Item")

_PATIENCE_S: Final = 0.1
"""How soon the thread notices that nobody asks any more."""


class _Handover(Generic[_Item]):
    """Where one thread puts items and another takes them."""

    def __init__(self, n: int) -> None:
        self._waiting: Queue[tuple[tuple[_Item, ...], BaseException | None]] = Queue(maxsize=n)
        self.is_abandoned = Event()

    def fill(self, items: Iterable[_Item]) -> None:
        """Put all items, then the end: an error, if there was one."""
        end: BaseException | None = None
        try:
            for item in items:
                self._put((item,), None)
                if self.is_abandoned.is_set():
                    break
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are asked for
            end = error
        self._put((), end)

    def take(self) -> Iterator[_Item]:
        """Yield items until the end."""
        while (next_up := self._waiting.get())[0]:
            yield next_up[0][0]
        if next_up[1] is not None:
            raise next_up[1]

    def _put(self, items: tuple[_Item, ...], error: BaseException | None) -> None:
        while not self.is_abandoned.is_set():
            with suppress(Full):
                self._waiting.put((items, error), timeout=_PATIENCE_S)
                break


def ahead(items: Iterable[_Item], *, n: int = 2) -> Iterator[_Item]:
    """Yield what `items` yields, computed in a thread while the caller works on what came before.

    It pays where either side spends its time outside the interpreter: inflating, compiled code, writing.

    Args:
        items: anything iterable; used by the thread alone.
        n: how many items wait at most.

    Raises:
        Exception: whatever `items` raises, at its place among the items.
    """
    handover: _Handover[_Item] = _Handover(n)
    thread = Thread(target=handover.fill, args=(items,), name="ahead", daemon=True)
    thread.start()
    try:
        yield from handover.take()
    finally:
        handover.is_abandoned.set()
        thread.join()
