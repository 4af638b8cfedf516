"""What every bus guarantees. tests/contract/bus holds each backend to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message

from clipmill.topic import Topic
from clipmill_shared.bus.finished import Finished
from clipmill_shared.events import Event, Position

# A handler narrows the message's type itself: a subscription names its topic, and a topic its message.
Handler = Callable[[Event[Any]], Awaitable[Sequence[Event[Message]]]]


class Poison(Exception):
    """Raised by a handler: this record can never be handled. It goes to the dead letters without another attempt."""


class Fenced(Exception):
    """Another has claimed the partition: what this member does with it is void, and nothing of it is kept."""


@dataclass(frozen=True)
class LogId:
    """A topic's log: of this cluster, and as it was made this time."""

    cluster_id: str
    topic_id: str
    topic: str


@dataclass(frozen=True)
class Claim:
    """The right to handle a partition, until someone claims it later. `finished` is None when nothing ever was."""

    epoch: int
    finished: Finished | None


class Offsets(Protocol):
    """How far a group has read, kept where the group keeps its state (clipmill_shared.offsets).

    They decide where reading begins, whatever the broker says. A handler finishes its record in the transaction of its
    effect; the bus finishes those that no handler did (nothing to write, dead letters). What a handler with offsets
    returns would be published apart from its effect, so it returns nothing and publishes by its outbox.
    """

    async def claim(self, log: LogId, partitions: Collection[int]) -> Mapping[int, Claim]:
        """Take partitions over from whoever had them. What was kept of another log of the topic is forgotten."""
        ...

    async def finish(self, position: Position) -> None:
        """A record needs no further handling. Fenced when the partition is another's."""
        ...

    async def restart(self, position: Position) -> None:
        """All before the position is finished, and nothing from it on. Fenced as above."""
        ...


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
    # A broadcast that first gets all that the topic keeps: `run` is entered when that has been handled.
    from_beginning: bool = False
    # Deliveries to a failing handler before the record is dead-lettered.
    max_attempts: int = 5
    # Where the group's offsets are kept with its state; None: the broker's own commits decide.
    offsets: Offsets | None = None


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
      A retryable ClipmillError is no fault of the record (an engine is away): it is tried again until that passes.
    """

    async def publish(self, *events: Event[Message]) -> None: ...

    def run(self, *subscriptions: Subscription) -> AbstractAsyncContextManager[None]: ...

    async def close(self) -> None: ...
