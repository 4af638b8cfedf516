"""A line of JSON from outside needs hardly a header; what it may not leave out is named."""

from __future__ import annotations

import json

import pytest

from clipmill import topics
from clipmill.jobs.v1.jobs_pb2 import JobRequest
from clipmill_shared.bus import Poison
from clipmill_shared.bus.codec import decode

TOPIC = topics.INGEST_REQUESTS
WHOLE = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"talk-1"),
    ("ce_type", b"clipmill.jobs.v1.JobRequest"),
    ("ce_source", b"/cms"),
    ("ce_ownerid", b"ann"),
    ("content-type", b"application/json"),
]


def line(**fields: object) -> bytes:
    return json.dumps({"source": {"url": "https://example.org/talk.mp4"}, **fields}).encode()


def test_a_line_and_nothing_else() -> None:
    event = decode(TOPIC, b"  " + line(idempotencyKey="talk-1"), [])
    assert (event.id, event.owner_id, event.source, event.token) == ("talk-1", "", "/outside", None)
    assert event.message.source.url == "https://example.org/talk.mp4"


def test_the_events_id_comes_from_the_header_or_from_the_line() -> None:
    assert decode(TOPIC, line(idempotency_key="k"), []).id == "k"
    assert decode(TOPIC, line(idempotencyKey="k"), [("ce_id", b"e")]).id == "e"
    assert decode(TOPIC, line(), [("CE_ID", b"e")]).id == "e"


def test_a_token_comes_along_and_is_not_shown() -> None:
    event = decode(TOPIC, line(), [("ce_id", b"e"), ("clipmill-token", b"secret")])
    assert event.token == "secret"
    assert "secret" not in repr(event)


@pytest.mark.parametrize("without", [name for name, _ in WHOLE if name != "ce_id"])
def test_any_header_but_the_id_may_be_absent(without: str) -> None:
    event = decode(TOPIC, line(), [(name, value) for name, value in WHOLE if name != without])
    assert (event.id, event.message.source.url) == ("talk-1", "https://example.org/talk.mp4")
    assert event.owner_id == ("" if without == "ce_ownerid" else "ann")


@pytest.mark.parametrize(
    ("reason", "body", "headers"),
    [
        ("missing header: ce_id", line(), []),
        ("missing header: ce_id", line(idempotencyKey=7), []),
        ("bad JSON", b"{nonsense", []),
        ("bad JSON", b"{" * 60_000, []),
        ("bad JSON", b"\xff{", [("content-type", b"application/json")]),
        ("unknown type", line(), [("ce_id", b"e"), ("ce_type", b"a.later.v2.Request")]),
        ("wrong version", line(), [("ce_id", b"e"), ("ce_specversion", b"0.3")]),
        ("missing header", JobRequest(owner_id="ann", idempotency_key="k").SerializeToString(), []),
    ],
)
def test_what_is_wrong_is_named(reason: str, body: bytes, headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(Poison, match=f"^{reason}"):
        decode(TOPIC, body, headers)


def test_topics_of_our_own_take_no_lines() -> None:
    with pytest.raises(Poison, match="missing header"):
        decode(topics.AUDIO_TASKS, b'{"task": {"taskId": "t"}}', [("ce_id", b"e")])
