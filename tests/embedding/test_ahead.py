"""Reading ahead changes nothing but the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.embedding.ahead import read_ahead


def reading() -> bool:
    return any(thread.name == "multiprot-reader" for thread in threading.enumerate())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.integers()), st.integers(1, 4))
def test_items_come_in_their_order(items: list[int | None], depth: int) -> None:
    assert list(read_ahead(items, depth)) == items
    assert not reading()


def test_errors_come_in_their_place() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("at three")

    items = read_ahead(failing(), 2)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="at three"):
        next(items)
    assert not reading()


def test_no_more_is_made_than_told_and_closing_ends_it() -> None:
    made, closed = [], []

    def endless() -> Iterator[int]:
        try:
            while True:
                made.append(len(made))
                yield made[-1]
        finally:
            closed.append(True)

    items = read_ahead(endless(), 2)
    assert made == []
    assert next(items) == 0
    time.sleep(0.3)
    # One was taken, two wait, and one stands before the door.
    assert len(made) == 4
    items.close()
    assert closed == [True]
    assert not reading()


def test_where_nothing_comes_it_can_be_left() -> None:
    stopped, left = threading.Event(), threading.Event()

    def waiting() -> Iterator[int]:
        yield 1
        left.wait(60)
        raise RuntimeError("told to go")

    items = read_ahead(waiting(), 1, stopped.is_set)
    assert next(items) == 1
    stopped.set()
    left.set()
    assert list(items) == []
    assert not reading()
