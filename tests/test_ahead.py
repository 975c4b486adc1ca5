from collections.abc import Iterator
from threading import active_count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.ahead import ahead


@given(st.lists(st.none() | st.integers()), st.integers(1, 3))
def test_items_come_in_order_and_all_of_them(items: list[int | None], n: int) -> None:
    assert list(ahead(items, n=n)) == items


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    seen = ahead(failing())

    assert next(seen) == 1
    with pytest.raises(ValueError, match="the second"):
        next(seen)


def test_a_caller_that_stops_asking_leaves_no_thread_behind() -> None:
    before = active_count()
    asked = ahead(iter(range(10**9)))
    next(asked)
    asked.close()

    assert active_count() == before
