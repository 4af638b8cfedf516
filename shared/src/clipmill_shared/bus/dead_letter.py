"""A record that nobody could handle, as it is written to the dead letters: as it came, and what happened to it."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import ConsumerRecord

from clipmill_shared.bus.codec import Headers
from clipmill_shared.bus.kafka_topics import MAX_RECORD_BYTES


def letter(
    record: ConsumerRecord[bytes, bytes], happened: dict[str, str]
) -> tuple[bytes | None, bytes | None, Headers]:
    """Key, body and headers of a record's dead letter.

    What would make it larger than a dead letter may be is let out, and its size said instead: a letter that cannot be
    written would hold up its partition for ever. The record itself stays where `happened` says that it lies.
    """
    key, body = record.key, record.value
    headers = [(name, value) for name, value in record.headers if value is not None]
    said = dict(happened)
    if _size(body) > MAX_RECORD_BYTES:
        said["clipmill-body-bytes"], body = str(_size(body)), None
    if (size := sum(len(name.encode()) + len(value) for name, value in headers)) > MAX_RECORD_BYTES // 2:
        said["clipmill-headers-bytes"], headers = str(size), []
    if _size(key) > MAX_RECORD_BYTES // 4:
        said["clipmill-key-bytes"], key = str(_size(key)), None
    if key is None and body is None:
        # The client sends nothing that has neither.
        body = b""
    return key, body, (*headers, *((name, text.encode()) for name, text in said.items()))


def _size(content: Sequence[int] | None) -> int:
    return len(content) if content else 0
