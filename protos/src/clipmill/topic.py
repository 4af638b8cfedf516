"""What a topic is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

from google.protobuf.message import Message


@dataclass(frozen=True)
class Topic:
    """A row of protos/topics.yaml.

    `key` is the dotted path of the message's field that partitions it. `retention_h` is None for a compacted topic.
    """

    name: str
    message: type[Message]
    key: str
    ordered: bool
    partitions: int
    retention_h: int | None
    writers: tuple[str, ...]
    readers: tuple[str, ...]

    def key_of(self, message: Message) -> str:
        """The partition key of `message`; ValueError when the field is empty."""
        value = self.field(message)
        if not value:
            raise ValueError(f"{self.name}: {self.key} is empty, and it is the record's key")
        return str(value)

    @cached_property
    def field(self) -> Callable[[Message], Any]:
        """Reads the field that is the key; it may be empty."""
        return attrgetter(self.key)

    @cached_property
    def type_name(self) -> bytes:
        """Its events' CloudEvents type, as it stands in their headers."""
        return self.message.DESCRIPTOR.full_name.encode()

    @cached_property
    def is_open(self) -> bool:
        """True when others than Clipmill's own parts may write to it."""
        return "outside" in self.writers

    @property
    def dead_letters(self) -> str:
        """The name of the topic that takes the records nobody could handle."""
        return f"{self.name}.dlq"
