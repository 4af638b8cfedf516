"""What every bus guarantees. tests/contract/bus holds each backend to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message

from clipmill.topic import Topic
from clipmill_shared.events import Event

# A handler narrows the message's type itself: a subscription names its topic, and a topic its message.
Handler = Callable[[Event[Any]], Awaitable[Sequence[Event[Message]]]]


class Poison(Exception):
    """Raised by a handler: this record can never be handled. It goes to the dead letters without another attempt."""


@dataclass(frozen=True)
class Subscription:
    """A wish to handle a topic's records.

    Members of one `group` share the partitions; a record is handled by one of them, at least once. With
    `broadcast`, `group` is ignored: this subscription gets every record that is published from now on, and commits
    nothing. At most `max_in_flight` records are being handled at a time, at most one of a key where the topic is
    ordered. The events that a handler returns are published before its record counts as handled.
    """

    topic: Topic
    group: str
    handler: Handler
    max_in_flight: int = 16
    broadcast: bool = False
    # Deliveries to a failing handler before the record is dead-lettered.
    max_attempts: int = 5


class Bus(Protocol):
    """Publishes events and runs subscriptions.

    - `publish` returns when the events are stored; the order of one call is kept per key. It waits while the bus is
      full (back-pressure) and never drops. ValueError for an event over 64 KiB or without key or owner.
    - `run` handles records until its context is left; leaving stops the intake, waits for handlers in flight at most
      the grace time, then cancels them. What was not finished is delivered again to whoever comes next.
    - On an ordered topic records of a key are handled one after another, in order, and a failing one is retried
      before the next of its key, while other keys go on. On an unordered topic a failing record waits its retry
      delay apart, and the others go on.
    - Offsets are committed only up to the first unfinished record of a partition.
    - After `max_attempts`, or on Poison, the record goes to the topic's dead letters with the reason in its headers.
    """

    async def publish(self, *events: Event[Message]) -> None: ...

    def run(self, *subscriptions: Subscription) -> AbstractAsyncContextManager[None]: ...

    async def close(self) -> None: ...
