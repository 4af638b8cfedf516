"""Events as Kafka records: CloudEvents 1.0, Kafka binary mode, with a protobuf or a JSON body.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from clipmill.topic import Topic
from clipmill_shared.bus import outside, tracing
from clipmill_shared.bus.contract import Poison
from clipmill_shared.events import Event, Position

MAX_EVENT_BYTES = 64 * 1024
PROTOBUF = b"application/protobuf"
JSON = b"application/json"
SPEC_VERSION = b"1.0"
# Beside the attributes that the specification requires, every event of Clipmill says whose it is.
_REQUIRED = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_ownerid")

Headers = tuple[tuple[str, bytes], ...]
# The headers that stand for a record which the client cannot read.
UNREADABLE: Headers = (("clipmill-unreadable", b"header name"),)
NOT_READ = "bad header: a name that is not UTF-8; the record cannot be read, and stays at its offset"


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
    headers = (
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", event.id.encode()),
        ("ce_type", event.topic.type_name),
        ("ce_source", event.source.encode()),
        ("ce_subject", key.encode()),
        ("ce_time", event.time.isoformat().encode()),
        ("ce_ownerid", event.owner_id.encode()),
        ("content-type", PROTOBUF),
    )
    trace = event.traceparent or tracing.traceparent()
    return Record(key, body, (*headers, ("traceparent", trace.encode())) if trace else headers)


def decode(
    topic: Topic,
    body: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    position: Position | None = None,
    key: bytes | None = None,
) -> Event[Any]:
    """The event of a record. Poison, with the reason in words, for whatever a stranger may have written.

    A record may come without `key`, as a plain producer writes it: only its order among others of its key is lost. A
    line of JSON on a topic that is open to others may come without most headers and without its owner, see `outside`.
    """
    if body is None:
        raise Poison(NOT_READ if headers is UNREADABLE else "no body")
    if len(body) > MAX_EVENT_BYTES:
        raise Poison(f"oversize: {len(body)} bytes, more than {MAX_EVENT_BYTES}")
    said = dict(headers)
    if not (
        said.get("ce_type") == topic.type_name
        and said.get("ce_specversion") == SPEC_VERSION
        and said.get("ce_id")
        and said.get("ce_source")
        and said.get("ce_ownerid")
    ):
        said = _attributes(topic, body, headers)
    kind = said.get("content-type")
    try:
        if kind == PROTOBUF:
            message = topic.message.FromString(body)
            # As `_key_of`, without its call.
            wanted = topic.field(message) or _key_of(topic, message, body, kind)
        else:
            message = _message(topic, body, kind)
            wanted = _key_of(topic, message, body, kind)
        # Half the time of the generated __init__, which sets the fields of a frozen class one by one.
        event: Event[Any] = object.__new__(Event)
        fields = event.__dict__
        fields["topic"], fields["message"], fields["position"] = topic, message, position
        fields["id"] = said["ce_id"].decode()
        fields["owner_id"] = said["ce_ownerid"].decode()
        fields["source"] = said["ce_source"].decode()
        fields["time"] = _time(said.get("ce_time"))
        if trace := said.get("traceparent"):
            fields["traceparent"] = trace.decode()
        if token := said.get(outside.TOKEN_HEADER):
            fields["token"] = token.decode(errors="replace")
    except DecodeError as error:
        raise Poison(f"bad protobuf: {error}") from error
    except UnicodeDecodeError as error:
        raise Poison("bad header: not UTF-8") from error
    if key and wanted is not None and key != wanted.encode():
        raise Poison(f"wrong key: {key[:100]!r}, and the message's {topic.key} is {wanted[:100]!r}")
    return event


def _key_of(topic: Topic, message: Message, body: bytes, kind: bytes | None) -> str | None:
    """The message's key; None for a line from outside that leaves it to its handler."""
    try:
        return topic.key_of(message)
    except ValueError as error:
        if outside.is_line(topic, body, kind):
            return None
        raise Poison(f"missing key: {error}") from error


def message_of(topic: Topic, body: bytes, headers: Sequence[tuple[str, bytes]]) -> Message:
    """A record's message, whatever else is wrong with the record. Poison when it cannot be read."""
    try:
        return _message(topic, body, {name.lower(): value for name, value in headers}.get("content-type"))
    except DecodeError as error:
        raise Poison(f"bad protobuf: {error}") from error


def _attributes(topic: Topic, body: bytes, headers: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    """The headers of a record that are not as we write them: capitals are borne with, and what is wrong is said."""
    said = {name.lower(): value for name, value in headers if value}
    is_line = outside.is_line(topic, body, said.get("content-type"))
    if is_line:
        said = outside.completed(topic, body, said)
    for name in _REQUIRED:
        if not said.get(name) and not (is_line and name == "ce_ownerid"):
            raise Poison(f"missing header: {name}")
    if said["ce_specversion"] != SPEC_VERSION:
        raise Poison(f"wrong version: CloudEvents {_shown(said['ce_specversion'])}, not {_shown(SPEC_VERSION)}")
    if said["ce_type"] != topic.type_name:
        carried = topic.message.DESCRIPTOR.full_name
        raise Poison(f"unknown type: {_shown(said['ce_type'])}; {topic.name} carries {carried}")
    return said


def _message(topic: Topic, body: bytes, content_type: bytes | None) -> Message:
    """The message of a record that does not say plainly that it is protobuf."""
    if not content_type:
        content_type = JSON if outside.is_line(topic, body, None) else PROTOBUF
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == PROTOBUF:
        return topic.message.FromString(body)
    if kind != JSON:
        raise Poison(f"unknown content-type: {_shown(content_type)}")
    try:
        # What a later version has beyond ours is passed over, as protobuf's binary form does.
        return json_format.Parse(body, topic.message(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise Poison(f"bad JSON: {error}") from error


def _shown(value: bytes) -> str:
    return repr(value[:100].decode(errors="replace"))


def _time(text: bytes | None) -> datetime:
    """`ce_time`, which is optional; an event without one happened when it was read."""
    if not text:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text.decode())
    except ValueError as error:
        raise Poison(f"bad time: {_shown(text)}") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
