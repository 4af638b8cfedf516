"""The bus's contract, held by every backend. Buses of one backend stand for processes."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from contract.backends import (
    COMPACTED,
    CONTROL,
    ORDERED,
    OUTPUT,
    UNORDERED,
    Backend,
    aliases,
    control,
    failed,
    request,
    task,
    until,
)

from clipmill_shared.bus import Poison, Subscription
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event


@dataclass
class Recorder:
    """A handler that remembers; `failing` ids raise as often as they say, `held` ids wait for their event."""

    failing: dict[str, int] = field(default_factory=dict)
    poison: set[str] = field(default_factory=set)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    outputs: dict[str, Sequence[Event[Any]]] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    events: list[Event[Any]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    async def __call__(self, event: Event[Any]) -> Sequence[Event[Any]]:
        self.begun.append(event.id)
        self.events.append(event)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0)
            if event.id in self.poison:
                raise Poison("meant so")
            if self.failing.get(event.id, 0) >= event.attempt:
                raise RuntimeError("meant so")
            if event.id in self.held:
                await self.held[event.id].wait()
        finally:
            self.running -= 1
        self.done.append(event.id)
        return self.outputs.get(event.id, ())

    def done_of(self, key: str) -> list[str]:
        return [name for name in self.done if name.startswith(f"{key}-")]


async def test_an_event_arrives_as_it_was_published_and_with_its_place(backend: Backend) -> None:
    recorder, sent = Recorder(), request("ann", 1)
    bus = backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", recorder)):
        await bus.publish(sent, request("ann", 2))
        await until(lambda: len(recorder.done) == 2)
    first, second = recorder.events
    assert (first.message, first.id, first.owner_id, first.source) == (sent.message, sent.id, "ann", "/test")
    assert (first.time, first.attempt, first.topic) == (sent.time, 1, ORDERED)
    assert first.message is not sent.message
    assert first.position is not None and second.position is not None
    assert second.position.offset == first.position.offset + 1
    assert second.position.cluster_id == first.position.cluster_id != ""
    assert second.position.topic_id == first.position.topic_id != ""


async def test_what_was_published_before_the_group_began_is_handled(backend: Backend) -> None:
    recorder, bus = Recorder(), backend.bus()
    await bus.publish(*(request("ann", n) for n in range(5)))
    async with bus.run(Subscription(ORDERED, "readers", recorder)):
        await until(lambda: recorder.done == [f"ann-{n}" for n in range(5)])


async def test_records_of_a_key_are_handled_in_order_one_after_another(backend: Backend) -> None:
    recorder, bus = Recorder(failing={"ann-3": 2, "bob-5": 1}), backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", recorder, max_in_flight=8)):
        for n in range(20):
            await bus.publish(*(request(key, n) for key in ("ann", "bob", "cem")))
        await until(lambda: len(recorder.done) == 60)
    for key in ("ann", "bob", "cem"):
        assert recorder.done_of(key) == [f"{key}-{n}" for n in range(20)]
    assert recorder.most_running <= 3


async def test_a_key_that_is_stuck_does_not_hold_up_the_others(backend: Backend) -> None:
    recorder, bus = Recorder(held={"ann-0": asyncio.Event()}), backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", recorder)):
        await bus.publish(request("ann", 0), request("ann", 1))
        await bus.publish(*(request(f"key{n}", 0) for n in range(20)))
        await until(lambda: len(recorder.done) == 20)
        assert "ann-1" not in recorder.begun
        recorder.held["ann-0"].set()
        await until(lambda: recorder.done_of("ann") == ["ann-0", "ann-1"])


async def test_on_an_unordered_topic_a_failing_record_waits_apart_and_the_others_go_on(backend: Backend) -> None:
    recorder, bus = Recorder(failing={"task-0": 3}), backend.bus()
    async with bus.run(Subscription(UNORDERED, "workers", recorder, max_in_flight=1)):
        await bus.publish(*(task(n) for n in range(20)))
        await until(lambda: len(recorder.done) == 20)
    assert recorder.begun.count("task-0") == 4
    assert [event.attempt for event in recorder.events if event.id == "task-0"] == [1, 2, 3, 4]


async def test_after_max_attempts_a_record_goes_to_the_dead_letters_and_its_key_goes_on(backend: Backend) -> None:
    recorder, bus = Recorder(failing={"ann-0": 99}), backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", recorder, max_attempts=3)):
        await bus.publish(request("ann", 0), request("ann", 1))
        await until(lambda: recorder.done == ["ann-1"])
        (letter,) = await backend.dead_letters(ORDERED, 1)
    assert recorder.begun == ["ann-0", "ann-0", "ann-0", "ann-1"]
    assert (letter.key, letter.attempts, letter.error) == ("ann", 3, "RuntimeError: meant so")
    place = recorder.events[0].position
    assert place is not None
    assert (letter.topic, letter.group) == (ORDERED.name, "readers")
    assert (letter.partition, letter.offset) == (place.partition, place.offset)


async def test_a_record_is_not_given_up_while_an_engine_is_away(backend: Backend) -> None:
    attempts, done, bus = list[int](), list[str](), backend.bus()

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        attempts.append(event.attempt)
        if event.attempt < 5:
            raise ClipmillError("AWAY", "It is away.", "Wait.", retryable=True)
        done.append(event.id)
        return ()

    async with bus.run(Subscription(ORDERED, "readers", handler, max_attempts=2)):
        await bus.publish(request("ann", 0))
        await until(lambda: bool(done))
    assert attempts == [1, 2, 3, 4, 5]


async def test_poison_goes_to_the_dead_letters_without_another_attempt(backend: Backend) -> None:
    recorder, bus = Recorder(poison={"ann-0"}), backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", recorder)):
        await bus.publish(request("ann", 0), request("ann", 1))
        await until(lambda: recorder.done == ["ann-1"])
        (letter,) = await backend.dead_letters(ORDERED, 1)
    assert (letter.attempts, letter.error) == (1, "Poison: meant so")


async def test_what_was_not_finished_is_delivered_again_and_what_was_is_not(backend: Backend) -> None:
    never, bus = asyncio.Event(), backend.bus()
    before = Recorder(held={"ann-2": never})
    async with bus.run(Subscription(ORDERED, "readers", before)):
        await bus.publish(*(request("ann", n) for n in range(4)))
        await until(lambda: "ann-2" in before.begun)
    assert before.done == ["ann-0", "ann-1"]
    after, bus = Recorder(), backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", after)):
        await until(lambda: after.done == ["ann-2", "ann-3"])


async def test_an_unfinished_record_holds_back_the_commit_of_those_behind_it(backend: Backend) -> None:
    never, bus = asyncio.Event(), backend.bus()
    before = Recorder(held={"task-0": never})
    async with bus.run(Subscription(UNORDERED, "workers", before)):
        await bus.publish(*(task(n) for n in range(40)))
        await until(lambda: len(before.done) == 39)
    after, bus = Recorder(), backend.bus()
    async with bus.run(Subscription(UNORDERED, "workers", after)):
        await until(lambda: "task-0" in after.done)
    # At least once: what lies behind it in its partition may come again, what lies in others must not.
    places = {event.id: event.position for event in before.events}
    stuck = places["task-0"]
    assert stuck is not None
    for name in after.done:
        place = places[name]
        assert place is not None
        assert (place.partition, place.offset) >= (stuck.partition, stuck.offset) and place.partition == stuck.partition


async def test_outputs_are_published_before_the_record_counts_as_handled(backend: Backend) -> None:
    bus = backend.bus()
    # An output that no bus takes: the record must not count as handled, however well its handler fared.
    unsendable = Event(OUTPUT, failed(1).message, "x", owner_id="", source="/test")
    worker, reader = Recorder(outputs={"task-0": [failed(0)], "task-1": [unsendable]}), Recorder()
    async with bus.run(Subscription(UNORDERED, "workers", worker, max_attempts=2), Subscription(OUTPUT, "r", reader)):
        await bus.publish(task(0), task(1))
        await until(lambda: reader.done == ["failed-0"])
        (letter,) = await backend.dead_letters(UNORDERED, 1)
    assert (letter.key, letter.attempts) == ("task-1", 2)
    assert "owner" in letter.error


async def test_at_most_max_in_flight_records_are_being_handled(backend: Backend) -> None:
    gate = asyncio.Event()
    recorder, bus = Recorder(held={f"task-{n}": gate for n in range(40)}), backend.bus()
    async with bus.run(Subscription(UNORDERED, "workers", recorder, max_in_flight=3)):
        await bus.publish(*(task(n) for n in range(40)))
        await until(lambda: recorder.running == 3)
        gate.set()
        await until(lambda: len(recorder.done) == 40)
    assert recorder.most_running == 3


async def test_more_records_than_a_member_holds_are_all_handled(backend: Backend) -> None:
    gate = asyncio.Event()
    recorder, bus = Recorder(held={f"task-{n}": gate for n in range(1500)}), backend.bus()
    async with bus.run(Subscription(UNORDERED, "workers", recorder, max_in_flight=1000)):
        await bus.publish(*(task(n) for n in range(1500)))
        await until(lambda: recorder.running >= 500)
        assert recorder.running == 500
        gate.set()
        await until(lambda: len(recorder.done) == 1500)
    assert len(set(recorder.done)) == 1500


async def test_each_group_gets_every_record(backend: Backend) -> None:
    one, other, bus = Recorder(), Recorder(), backend.bus()
    async with bus.run(Subscription(ORDERED, "one", one), Subscription(ORDERED, "other", other)):
        await bus.publish(*(request("ann", n) for n in range(10)))
        await until(lambda: len(one.done) == len(other.done) == 10)
    assert one.done == other.done


async def test_members_of_a_group_share_its_records(backend: Backend) -> None:
    one, other, first, second = Recorder(), Recorder(), backend.bus(), backend.bus()
    count = 0

    async with first.run(Subscription(ORDERED, "readers", one)), second.run(Subscription(ORDERED, "readers", other)):
        # Joining takes its time: publish until both have something.
        async with asyncio.timeout(30):
            while not (one.done and other.done):
                await first.publish(*(request(f"key{k}", count) for k in range(20)))
                count += 1
                await asyncio.sleep(0.05)
        await until(lambda: len(set(one.done) | set(other.done)) == count * 20)
        # Settled: now each record is handled once.
        one.done.clear(), other.done.clear()
        await first.publish(*(request(f"key{k}", n) for n in range(1000, 1010) for k in range(20)))
        await until(lambda: len(one.done) + len(other.done) >= 200)
        assert one.done and other.done
        assert not set(one.done) & set(other.done)


async def test_what_a_leaving_member_held_goes_to_another_and_keeps_its_order(backend: Backend) -> None:
    never, first, second = asyncio.Event(), backend.bus(), backend.bus()
    leaving, staying = Recorder(held={f"key{k}-5": never for k in range(20)}), Recorder()
    async with second.run(Subscription(ORDERED, "readers", staying)):
        async with first.run(Subscription(ORDERED, "readers", leaving)):
            async with asyncio.timeout(30):
                n = 0
                while not leaving.done:
                    await first.publish(request(f"early{n}", 0))
                    n += 1
                    await asyncio.sleep(0.05)
            await first.publish(*(request(f"key{k}", n) for n in range(10) for k in range(20)))
            await until(lambda: any(name.endswith("-5") for name in leaving.begun))
        await until(lambda: all(f"key{k}-9" in staying.done + leaving.done for k in range(20)))
    for k in range(20):
        handled = leaving.done_of(f"key{k}") + staying.done_of(f"key{k}")
        assert list(dict.fromkeys(handled)) == [f"key{k}-{n}" for n in range(10)]


async def test_a_broadcast_gets_everything_from_now_on_in_every_process(backend: Backend) -> None:
    one, other, first, second = Recorder(), Recorder(), backend.bus(), backend.bus()
    await first.publish(control(0))
    async with (
        first.run(Subscription(CONTROL, "", one, broadcast=True)),
        second.run(Subscription(CONTROL, "", other, broadcast=True)),
    ):
        await first.publish(control(1), control(2))
        await until(lambda: len(one.done) == len(other.done) == 2)
    assert one.done == other.done == ["control-1", "control-2"]


async def test_leaving_lets_handlers_end_within_the_grace_time(backend: Backend) -> None:
    gate, bus = asyncio.Event(), backend.bus()
    before = Recorder(held={"ann-0": gate})
    async with bus.run(Subscription(ORDERED, "readers", before)):
        await bus.publish(request("ann", 0), request("ann", 1))
        await until(lambda: before.running == 1)
        asyncio.get_running_loop().call_later(0.05, gate.set)
    assert before.done == ["ann-0"]
    after, bus = Recorder(), backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", after)):
        await until(lambda: after.done == ["ann-1"])


async def test_leaving_cancels_handlers_after_the_grace_time(backend: Backend) -> None:
    recorder, bus = Recorder(held={"ann-0": asyncio.Event()}), backend.bus()
    async with asyncio.timeout(30):
        async with bus.run(Subscription(ORDERED, "readers", recorder)):
            await bus.publish(request("ann", 0))
            await until(lambda: recorder.running == 1)
    assert recorder.running == 0
    assert not recorder.done


async def test_a_handler_that_is_cancelled_from_within_has_failed(backend: Backend) -> None:
    calls, bus = list[int](), backend.bus()

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        calls.append(event.attempt)
        raise asyncio.CancelledError

    async with bus.run(Subscription(ORDERED, "readers", handler, max_attempts=2)):
        await bus.publish(request("ann", 0))
        (letter,) = await backend.dead_letters(ORDERED, 1)
    assert calls == [1, 2]
    assert letter.attempts == 2


@pytest.mark.parametrize(
    "refused",
    [
        Event(ORDERED, request("a" * 65536, 1).message, "id", "ann", "/test"),
        Event(ORDERED, request("", 1).message, "id", "ann", "/test"),
        Event(ORDERED, request("ann", 1).message, "id", "", "/test"),
        Event(ORDERED, control(1).message, "id", "ann", "/test"),
    ],
    ids=["oversize", "no key", "no owner", "another topic's message"],
)
async def test_an_event_that_breaks_the_rules_is_refused_with_all_that_came_with_it(
    backend: Backend, refused: Event[Any]
) -> None:
    recorder, bus = Recorder(), backend.bus()
    async with bus.run(Subscription(ORDERED, "readers", recorder)):
        with pytest.raises(ValueError):
            await bus.publish(request("ann", 0), refused)
        await bus.publish(request("ann", 2))
        await until(lambda: bool(recorder.done))
    assert recorder.done == ["ann-2"]


async def test_a_traceparent_travels_with_the_event(backend: Backend) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    recorder, reader, bus = Recorder(outputs={"task-0": [failed(0)]}), Recorder(), backend.bus()
    sent = task(0)
    async with bus.run(Subscription(UNORDERED, "workers", recorder), Subscription(OUTPUT, "readers", reader)):
        await bus.publish(Event(sent.topic, sent.message, sent.id, "olga", "/test", traceparent=trace))
        await until(lambda: bool(reader.done))
    assert recorder.events[0].traceparent == trace
    assert reader.events[0].traceparent is not None
    assert reader.events[0].traceparent.split("-")[1] == trace.split("-")[1]


async def test_no_record_sees_what_the_handling_of_another_left_in_the_context(backend: Backend) -> None:
    left: contextvars.ContextVar[str] = contextvars.ContextVar("left", default="nothing")
    seen, bus = list[str](), backend.bus()

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        seen.append(left.get())
        left.set(event.id)
        if event.id == "ann-1":
            await asyncio.sleep(0)
        assert left.get() == event.id
        return ()

    async with bus.run(Subscription(ORDERED, "readers", handler)):
        await bus.publish(*(request("ann", n) for n in range(4)))
        await until(lambda: len(seen) == 4)
    assert seen == ["nothing"] * 4


async def test_a_handler_may_limit_its_time_from_its_first_step_on(backend: Backend) -> None:
    late, bus = list[str](), backend.bus()

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            late.append(event.id)
        return ()

    async with bus.run(Subscription(UNORDERED, "workers", handler, max_in_flight=2)):
        await bus.publish(*(task(n) for n in range(5)))
        await until(lambda: len(late) == 5)
    assert sorted(late) == [f"task-{n}" for n in range(5)]


async def test_handlers_that_never_wait_leave_others_their_turn(backend: Backend) -> None:
    turns, done, bus = 0, 0, backend.bus()

    async def handler(event: Event[Any]) -> Sequence[Event[Any]]:
        nonlocal done
        time.sleep(0.002)
        done += 1
        return ()

    async with bus.run(Subscription(UNORDERED, "workers", handler)):
        await bus.publish(*(task(n) for n in range(100)))
        while done < 100:
            turns += 1
            await asyncio.sleep(0)
    assert turns > 10


async def test_a_broadcast_from_the_beginning_has_what_the_topic_keeps_before_anything_else_is_handled(backend):
    seen, bus = [], backend.bus()

    async def remember(event):
        seen.append(event.message.generation)
        return ()

    def everything() -> Subscription:
        return Subscription(COMPACTED, "", remember, broadcast=True, from_beginning=True)

    async with bus.run(everything()):
        for generation in (1, 2):
            await bus.publish(aliases(generation))
        await until(lambda: seen == [1, 2])
    # It was handled by everybody who was there, and lies there still.
    async with backend.bus().run(everything()):
        assert seen == [1, 2, 1, 2]
        await bus.publish(aliases(3))
        await until(lambda: seen == [1, 2, 1, 2, 3])
