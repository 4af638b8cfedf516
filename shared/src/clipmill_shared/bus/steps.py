"""Coroutines whose first step is made by hand, and whose steps run in a context of their own.

A task per record costs several times what handling a small event does. Most handlers of small events end without
waiting for anything, so their first step is made by hand, and only who has to wait goes on being awaited.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")
# What a chain says when its coroutine has ended, in place of what it waits for.
ENDED = object()


def chain(results: list[Any]) -> Generator[Any, Any, None]:
    """Awaits the coroutines that are sent to it, one after another, and puts what each returns into `results[0]`.

    A coroutine on its own tells its end by an exception, which costs more than a small handler does.
    """
    links = _links(results)
    links.send(None)
    return links


@types.coroutine
def _links(results: list[Any]) -> Generator[Any, Any, None]:
    while True:
        steps = yield ENDED
        results[0] = yield from steps


@types.coroutine
def continued(links: Generator[Any, Any, None], waits_for: Any, results: list[Any]) -> Generator[Any, Any, Any]:
    """Await the coroutine that a chain is in, which has to wait for `waits_for`; what it returns."""
    while waits_for is not ENDED:
        try:
            value = yield waits_for
        except BaseException as error:
            # Cancelling the awaiting task cancels the coroutine where it waits.
            waits_for = links.throw(error)
        else:
            waits_for = links.send(value)
    return results[0]


@types.coroutine
def resumed(steps: Coroutine[Any, Any, T], waits_for: Any, context: Context) -> Generator[Any, Any, T]:
    """Await the rest of `steps`, whose first step was made and has to wait for `waits_for`, in `context`."""
    while True:
        try:
            value = yield waits_for
        except BaseException as error:
            advance: Any = steps.throw
            value = error
        else:
            advance = steps.send
        try:
            waits_for = context.run(advance, value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
