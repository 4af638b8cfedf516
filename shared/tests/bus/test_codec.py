"""Events as records: what is written is read again, and whatever else comes is poison with a named reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill import topics
from clipmill.jobs.v1.jobs_pb2 import JobRequest
from clipmill.topic import Topic
from clipmill_shared.bus import Poison
from clipmill_shared.bus.codec import JSON, MAX_EVENT_BYTES, PROTOBUF, decode, encode
from clipmill_shared.events import Event

TOPIC = topics.INGEST_REQUESTS
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT: Event[Any] = Event(TOPIC, JobRequest(owner_id="ann"), "id-1", "ann", "/test", traceparent=TRACE)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@given(names, names, names, st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))
def test_what_is_encoded_is_decoded(owner: str, name: str, source: str, time: datetime) -> None:
    event = Event(TOPIC, JobRequest(owner_id=owner), name, owner, source, time)
    record = encode(event)
    assert decode(TOPIC, record.body, record.headers) == event


def test_headers_are_those_of_cloudevents() -> None:
    record = encode(EVENT)
    assert record.key == "ann"
    assert {name: value.decode() for name, value in record.headers} == {
        "ce_specversion": "1.0",
        "ce_id": "id-1",
        "ce_type": "clipmill.jobs.v1.JobRequest",
        "ce_source": "/test",
        "ce_subject": "ann",
        "ce_time": EVENT.time.isoformat(),
        "ce_ownerid": "ann",
        "content-type": "application/protobuf",
        "traceparent": TRACE,
    }


def headers(**changed: str | None) -> list[tuple[str, bytes]]:
    """The headers of EVENT; None lets one out. Underscores stand for hyphens after `content`."""
    texts: dict[str, str | None] = {name: value.decode() for name, value in encode(EVENT).headers}
    texts |= {name.replace("content_", "content-"): value for name, value in changed.items()}
    return [(name, value.encode()) for name, value in texts.items() if value is not None]


def test_a_line_of_json_is_an_event_too() -> None:
    body = json.dumps({"ownerId": "ann", "idempotencyKey": "k", "inALaterVersion": 1}).encode()
    for content_type in (JSON.decode(), "Application/JSON; charset=utf-8"):
        event = decode(TOPIC, body, headers(content_type=content_type))
        assert event.message == JobRequest(owner_id="ann", idempotency_key="k")


def test_optional_headers_may_be_absent() -> None:
    event = decode(TOPIC, encode(EVENT).body, headers(ce_time=None, traceparent=None, ce_subject=None))
    assert event.traceparent is None
    assert datetime.now(UTC) - event.time < timedelta(hours=1)


BODY = encode(EVENT).body


@pytest.mark.parametrize(
    ("reason", "body", "given_headers"),
    [
        ("no body", None, headers()),
        ("oversize", b"x" * (MAX_EVENT_BYTES + 1), headers()),
        ("missing header: ce_id", BODY, headers(ce_id=None)),
        ("missing header: ce_ownerid", BODY, headers(ce_ownerid="")),
        ("missing header: ce_specversion", BODY, []),
        ("bad header", BODY, [*headers(), ("ce_id", b"\xff")]),
        ("wrong version", BODY, headers(ce_specversion="0.3")),
        ("unknown type", BODY, headers(ce_type="clipmill.jobs.v2.JobRequest")),
        ("unknown content-type", BODY, headers(content_type="text/xml")),
        ("bad protobuf", b"\xff\xff\xff", headers()),
        ("bad JSON", b"{", headers(content_type=JSON.decode())),
        ("bad JSON", b"\xff", headers(content_type=JSON.decode())),
        ("bad JSON", b'{"ownerId": 7}', headers(content_type=JSON.decode())),
        ("bad JSON", b"[1]", headers(content_type=JSON.decode())),
        ("missing key", b"", headers()),
        ("bad time", BODY, headers(ce_time="yesterday")),
    ],
)
def test_what_is_no_event_is_poison(reason: str, body: bytes | None, given_headers: list[tuple[str, bytes]]) -> None:
    with pytest.raises(Poison, match=f"^{reason}"):
        decode(TOPIC, body, given_headers)


@given(st.binary(max_size=300), st.sampled_from([PROTOBUF.decode(), JSON.decode()]))
def test_no_body_whatever_raises_anything_but_poison(body: bytes, content_type: str) -> None:
    try:
        decode(TOPIC, body, headers(content_type=content_type))
    except Poison as poison:
        assert str(poison)


junk = st.one_of(st.none(), st.binary(max_size=40), st.sampled_from([b"1.0", b"clipmill.jobs.v1.JobRequest", b"{}"]))
known = st.sampled_from([name for name, _ in headers()] + ["CE_ID", "Content-Type", "clipmill-token", ""])
fields = st.sampled_from(["ownerId", "owner_id", "idempotencyKey", "source", "upload", "options", "sizeBytes"])
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10) | fields, inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("topic", [TOPIC, topics.AUDIO_TASKS])
@given(
    st.lists(st.tuples(known | st.text(max_size=5), junk), max_size=8),
    st.booleans(),
    st.one_of(st.none(), st.binary(max_size=80), st.builds(lambda value: json.dumps(value).encode(), anything)),
    st.one_of(st.none(), st.binary(max_size=5)),
)
def test_no_record_whatever_raises_anything_but_poison(
    topic: Topic, changed: list[Any], is_whole: bool, body: bytes | None, key: bytes | None
) -> None:
    try:
        event = decode(topic, body, [*(headers() if is_whole else []), *changed], None, key)
    except Poison as poison:
        assert str(poison)
    else:
        assert event.id and event.time.tzinfo is not None


@given(st.builds(lambda value: json.dumps(value).encode(), anything))
def test_no_line_of_json_whatever_raises_anything_but_poison(body: bytes) -> None:
    try:
        decode(TOPIC, body, headers(content_type=JSON.decode()))
    except Poison as poison:
        assert str(poison)
