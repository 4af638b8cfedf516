"""A coroutine whose steps run in a context of its own, within whatever task awaits it.

A task per record costs several times what handling a small event does. Most handlers of small events end without
waiting for anything, so their first step is made by hand, and only who has to wait goes on being awaited.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@types.coroutine
def continued(steps: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """Await the rest of `steps`, whose first step was made and has to wait for `waits_for`."""
    while True:
        try:
            value = yield waits_for
        except BaseException as error:
            # Cancelling the awaiting task cancels the coroutine where it waits.
            advance: Any = steps.throw
            value = error
        else:
            advance = steps.send
        try:
            waits_for = advance(value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def resumed(steps: Coroutine[Any, Any, T], waits_for: Any, context: Context) -> Awaitable[T]:
    """`continued`, with every further step made in `context`."""
    return continued(_Within(steps, context), waits_for)  # type: ignore[arg-type]


class _Within(Generic[T]):
    """A coroutine's `send` and `throw`, made in a context."""

    def __init__(self, steps: Coroutine[Any, Any, T], context: Context) -> None:
        self._steps = steps
        self._context = context

    def send(self, value: Any) -> Any:
        return self._context.run(self._steps.send, value)

    def throw(self, error: BaseException) -> Any:
        return self._context.run(self._steps.throw, error)
