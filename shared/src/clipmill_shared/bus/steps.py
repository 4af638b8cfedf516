"""A coroutine whose steps run in a context of its own, within whatever task awaits it.

A task per record costs several times what handling a small event does. Most handlers of small events end without
waiting for anything, so their first step is made by hand, and only who has to wait goes on being awaited.
"""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def resumed(steps: Coroutine[Any, Any, T], waits_for: Any, context: Context) -> Generator[Any, Any, T]:
    """Await the rest of `steps`, whose first step was made in `context` and has to wait for `waits_for`."""
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
            waits_for = context.run(advance, value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
