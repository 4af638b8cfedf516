"""Events as Kafka records: CloudEvents 1.0, Kafka binary mode, with a protobuf or a JSON body.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from clipmill.topic import Topic
from clipmill_shared.bus import tracing
from clipmill_shared.bus.contract import Poison
from clipmill_shared.events import Event, Position

MAX_EVENT_BYTES = 64 * 1024
PROTOBUF = "application/protobuf"
JSON = "application/json"
SPEC_VERSION = "1.0"
# Beside the attributes that the specification requires, every event of Clipmill says whose it is.
_REQUIRED = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_ownerid")

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Record:
    """What lies in the log, in a form that both backends share."""

    key: str
    body: bytes
    headers: Headers


def body_of(event: Event[Message]) -> bytes:
    """The event's protobuf body. ValueError when a bus must refuse it."""
    topic = event.topic
    if not isinstance(event.message, topic.message):
        raise ValueError(f"{topic.name} carries {topic.message.DESCRIPTOR.full_name}, not {event.type}")  # noqa: TRY004
    if not event.owner_id or not event.id or not event.source:
        raise ValueError(f"{topic.name}: an event needs an owner, an id and a source")
    body = event.message.SerializeToString()
    if len(body) > MAX_EVENT_BYTES:
        raise ValueError(
            f"{topic.name}: the event has {len(body)} bytes, more than {MAX_EVENT_BYTES}; "
            "put the content into the object store and send a BlobRef"
        )
    return body


def encode(event: Event[Message]) -> Record:
    """The record of an event. ValueError over 64 KiB, without key or owner, or with another topic's message."""
    body, key = body_of(event), event.key
    headers = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": event.id,
        "ce_type": event.type,
        "ce_source": event.source,
        "ce_subject": key,
        "ce_time": event.time.isoformat(),
        "ce_ownerid": event.owner_id,
        "content-type": PROTOBUF,
    }
    if trace := event.traceparent or tracing.traceparent():
        headers["traceparent"] = trace
    return Record(key, body, tuple((name, value.encode()) for name, value in headers.items()))


def decode(
    topic: Topic, body: bytes | None, headers: Iterable[tuple[str, bytes]], position: Position | None = None
) -> Event[Any]:
    """The event of a record. Poison, with the reason in words, for whatever a stranger may have written."""
    if body is None:
        raise Poison("no body")
    if len(body) > MAX_EVENT_BYTES:
        raise Poison(f"oversize: {len(body)} bytes, more than {MAX_EVENT_BYTES}")
    texts = _texts(headers)
    for name in _REQUIRED:
        if not texts.get(name):
            raise Poison(f"missing header: {name}")
    if texts["ce_specversion"] != SPEC_VERSION:
        raise Poison(f"wrong version: CloudEvents {texts['ce_specversion']!r}, not {SPEC_VERSION}")
    if texts["ce_type"] != topic.message.DESCRIPTOR.full_name:
        raise Poison(f"unknown type: {texts['ce_type']!r}; {topic.name} carries {topic.message.DESCRIPTOR.full_name}")
    message = _message(topic, body, texts.get("content-type", PROTOBUF))
    try:
        topic.key_of(message)
    except ValueError as error:
        raise Poison(f"missing key: {error}") from error
    return Event(
        topic=topic,
        message=message,
        id=texts["ce_id"],
        owner_id=texts["ce_ownerid"],
        source=texts["ce_source"],
        time=_time(texts.get("ce_time")),
        traceparent=texts.get("traceparent"),
        position=position,
    )


def _texts(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    try:
        return {name.lower(): value.decode() for name, value in headers if value is not None}
    except UnicodeDecodeError as error:
        raise Poison("bad header: not UTF-8") from error


def _message(topic: Topic, body: bytes, content_type: str) -> Message:
    kind = content_type.partition(";")[0].strip().lower()
    message = topic.message()
    try:
        if kind == PROTOBUF:
            message.ParseFromString(body)
        elif kind == JSON:
            # Fields of a later minor version are passed over, as protobuf's binary form does.
            json_format.Parse(body, message, ignore_unknown_fields=True)
        else:
            raise Poison(f"unknown content-type: {content_type!r}")
    except DecodeError as error:
        raise Poison(f"bad protobuf: {error}") from error
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise Poison(f"bad JSON: {error}") from error
    return message


def _time(text: str | None) -> datetime:
    """`ce_time`, which is optional; an event without one happened when it was read."""
    if not text:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise Poison(f"bad time: {text!r}") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
