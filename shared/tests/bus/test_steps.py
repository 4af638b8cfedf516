"""Chains: many coroutines, each begun by hand, in a context of its own; who has to wait is awaited from there on."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar, copy_context

import pytest

from clipmill_shared.bus.steps import ENDED, chain, continued

name: ContextVar[str] = ContextVar("name", default="nobody")


async def told(value: str) -> str:
    seen = name.get()
    name.set(value)
    return seen


async def waiting(gate: asyncio.Future[str]) -> str:
    return await gate


def test_one_coroutine_after_another_ends_at_once_each_in_its_context():
    results: list[str] = [""]
    links = chain(results)
    for value in ("a", "b"):
        assert copy_context().run(links.send, told(value)) is ENDED
        # What the first left in its context is not there for the second.
        assert results == ["nobody"]
    assert name.get() == "nobody"


async def test_one_that_waits_is_awaited_to_its_end():
    gate = asyncio.get_running_loop().create_future()
    results: list[str] = [""]
    links = chain(results)
    waits_for = links.send(waiting(gate))
    assert waits_for is not ENDED
    asyncio.get_running_loop().call_soon(gate.set_result, "opened")
    assert await continued(links, waits_for, results) == "opened"


async def test_cancelling_who_awaits_it_cancels_the_coroutine():
    gate = asyncio.get_running_loop().create_future()
    results: list[str] = [""]
    links = chain(results)
    task = asyncio.ensure_future(continued(links, links.send(waiting(gate)), results))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.cancelled()


def test_what_a_coroutine_raises_breaks_the_chain():
    async def failing() -> str:
        raise LookupError("not there")

    links = chain([""])
    with pytest.raises(LookupError, match="not there"):
        links.send(failing())
    with pytest.raises(StopIteration):
        links.send(None)
