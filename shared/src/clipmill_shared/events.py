"""An event: a typed message with the CloudEvents 1.0 attributes that travel beside it as headers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

from google.protobuf.message import Message

from clipmill.topic import Topic


def event_id(*meaning: str | int) -> str:
    """An id derived from what the event means (job, stage, part, ...), so that a replay has the same id."""
    text = "\x1f".join(str(part) for part in meaning)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Position(NamedTuple):
    """Where a delivered event lies in its log. `topic_id` changes when a topic is made anew.

    `epoch` is the claim under which it was delivered, 0 where nobody keeps offsets of the subscription; no record lies
    from `since` up to before `offset`. See bus.Offsets.
    """

    cluster_id: str
    topic_id: str
    partition: int
    offset: int
    epoch: int = 0
    since: int = 0


M_co = TypeVar("M_co", bound=Message, covariant=True)


@dataclass(frozen=True)
class Event(Generic[M_co]):
    """One record of a topic.

    `id` identifies what happened, not the sending of it: two events with one id are the same. `position` is set on
    delivered events. `attempt` counts deliveries to a failing handler from 1. `token` is what an outside producer sent
    to prove its owner, on topics that are open to such: it is never published again, shown or logged.
    """

    topic: Topic
    message: M_co
    id: str
    owner_id: str
    source: str
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    traceparent: str | None = None
    position: Position | None = None
    attempt: int = 1
    token: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        return self.topic.key_of(self.message)

    @property
    def type(self) -> str:
        """The CloudEvents type: the message's full name, which carries its version."""
        return str(self.message.DESCRIPTOR.full_name)
