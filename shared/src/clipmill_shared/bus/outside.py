"""A line of JSON from outside: what a plain producer may leave out on a topic that takes such (docs/kafka.md)."""

from __future__ import annotations

import json

from clipmill.topic import Topic

JSON = b"application/json"
TOKEN_HEADER = "clipmill-token"  # noqa: S105 - the header's name
SOURCE = b"/outside"


def is_line(topic: Topic, body: bytes, content_type: bytes | None) -> bool:
    """True for JSON on a topic that is open to outside writers; no protobuf message of ours begins with a brace."""
    if not topic.is_open:
        return False
    if content_type:
        return content_type.partition(b";")[0].strip().lower() == JSON
    return body.lstrip()[:1] == b"{"


def completed(topic: Topic, body: bytes, said: dict[str, bytes]) -> dict[str, bytes]:
    """The headers of a line, with what follows from its topic and its text.

    Its id is never made up: a producer that sends again what it has sent must say that it is the same. The owner may be
    absent: then the handler finds out who has proved to be it.
    """
    defaults = {
        "ce_specversion": b"1.0",
        "ce_type": topic.message.DESCRIPTOR.full_name.encode(),
        "ce_source": SOURCE,
        "ce_id": _key_in(body),
        "content-type": JSON,
    }
    return {"ce_ownerid": b""} | {name: value for name, value in defaults.items() if value} | said


def _key_in(body: bytes) -> bytes:
    try:
        line = json.loads(body)
    except (ValueError, RecursionError):
        # Whoever reads the body next says what is wrong with it.
        return b"-"
    key = line.get("idempotencyKey") or line.get("idempotency_key") if isinstance(line, dict) else None
    return key.encode(errors="replace") if isinstance(key, str) else b""
