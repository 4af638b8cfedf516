"""A video by Kafka alone: one line of JSON from a plain producer, on a real broker; docs/kafka.md shows the same."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from client.conftest import Running, System
from clipmill_ingest.settings import IngestSettings
from harness.kafka import Broker

from clipmill.jobs.v1.jobs_pb2 import Job, JobProgress, JobState
from clipmill_shared.auth import SigningKey, Tokens
from clipmill_shared.bus.kafka import KafkaBus

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kafka")]
KEY = SigningKey.make()
DOCS = Path(__file__).parents[2] / "docs" / "kafka.md"


@dataclass
class Outside:
    """A plain producer and a plain reader, who know nothing of Clipmill but its topics."""

    bootstrap: str
    prefix: str
    clipmill: System
    # Letters of earlier tests.
    former: set[str] = field(default_factory=set)

    async def send(self, topic: str, body: bytes, *, key: bytes | None = None, **headers: str) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            pairs = [(name.replace("_token", "-token"), value.encode()) for name, value in headers.items()]
            await producer.send_and_wait(self.prefix + topic, body, key=key, headers=pairs)
        finally:
            await producer.stop()

    async def request(self, path: Path | str, *, key: bytes | None = None, **fields: str) -> None:
        """One line, with a key in it and no header at all, or with headers where fields begin with ce_ or a token."""
        headers = {name: value for name, value in fields.items() if name.startswith(("ce_", "clipmill_"))}
        line = {name: value for name, value in fields.items() if name not in headers}
        await self.send(
            "ingest.requests.v1", json.dumps({**line, "source": {"path": str(path)}}).encode(), key=key, **headers
        )

    async def answers(self, *keys: str) -> dict[str, Job]:
        """The last that is said of the requests with these keys, once all have ended."""
        ended: dict[str, Job] = {}
        consumer = AIOKafkaConsumer(
            self.prefix + "jobs.progress.v1", bootstrap_servers=self.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            async with asyncio.timeout(60):
                while not ended.keys() >= set(keys):
                    job = JobProgress.FromString((await consumer.getone()).value).job
                    if job.state not in (JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_RUNNING):
                        ended[job.idempotency_key] = job
        finally:
            await consumer.stop()
        return {key: ended[key] for key in keys}

    async def letters(self, count: int) -> list[dict]:
        """The dead letters that wait, as the command lists them, once there are so many new ones."""
        async with asyncio.timeout(60):
            while True:
                listed = (await self.clipmill("dlq", "list", "--json")).events
                new = [letter for letter in listed if letter["letter"] not in self.former]
                if len(new) == count:
                    return new


@dataclass(frozen=True)
class Home:
    """What the tests share, one after another, as one system that is stopped and started: its topics, what it keeps."""

    bootstrap: str
    prefix: str
    folder: Path


@pytest.fixture(scope="module")
def home(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(broker.bootstrap, f"{uuid4().hex[:8]}.", tmp_path_factory.mktemp("home"))

    async def prepare() -> None:
        bus = KafkaBus(made.bootstrap, "setup", prefix=made.prefix)
        await bus.ensure_topics()
        await bus.close()

    asyncio.run(prepare())
    return made


@asynccontextmanager
async def outside(
    home: Home, system: Running, requests_owner: str = "", tokens: Tokens | None = None
) -> AsyncIterator[Outside]:
    bus = KafkaBus(home.bootstrap, "system", prefix=home.prefix, grace_s=0.5)
    settings = IngestSettings(requests_owner=requests_owner)
    async with system(folder=home.folder, bus=bus, settings=settings, tokens=tokens) as clipmill:
        clipmill.environment |= {"CLIPMILL_KAFKA_BOOTSTRAP": home.bootstrap, "CLIPMILL_KAFKA_PREFIX": home.prefix}
        stranger = Outside(home.bootstrap, home.prefix, clipmill)
        stranger.former = {letter["letter"] for letter in (await clipmill("dlq", "list", "--json")).events}
        yield stranger


async def test_a_line_becomes_clips_where_the_topic_is_bound_to_an_owner(
    home: Home, system: Running, video: Path
) -> None:
    async with outside(home, system, requests_owner="local") as stranger:
        await stranger.request(video, idempotencyKey="in-the-line")
        await stranger.request(video, ce_id="in-the-header")
        # Sent again, as a producer does that heard no answer.
        await stranger.request(video, ce_id="in-the-header")
        await stranger.request("/etc/passwd", ce_id="refused", key=b"whatever")
        await stranger.request(video, ce_id="eves", ownerId="eve")
        jobs = await stranger.answers("in-the-line", "in-the-header", "refused", "eves")
        assert {key: (job.owner_id, job.error.code) for key, job in jobs.items()} == {
            "in-the-line": ("local", ""),
            "in-the-header": ("local", ""),
            "refused": ("local", "INPUT_NOT_UNDER_IMPORT_ROOT"),
            "eves": ("-", "PERMISSION_DENIED"),
        }
        assert jobs["in-the-line"].clip_ids
        # The refused one of a proved owner is theirs to see; nobody's is not.
        listed = {job["key"]: job["state"] for job in (await stranger.clipmill("jobs", "--json")).events}
        listed = {key: state for key, state in listed.items() if key in jobs}
        assert listed == {"in-the-line": "COMPLETED", "in-the-header": "COMPLETED", "refused": "FAILED"}


async def test_a_token_in_a_header_says_whose_a_line_is(home: Home, system: Running, video: Path) -> None:
    async with outside(home, system, tokens=Tokens([KEY.public])) as stranger:
        alice = KEY.sign("alice", 3600)
        await stranger.request(video, ce_id="hers", clipmill_token=alice)
        await stranger.request(video, ce_id="unproved")
        await stranger.request(video, ce_id="forged", clipmill_token=SigningKey.make().sign("alice", 3600))
        jobs = await stranger.answers("hers", "unproved", "forged")
        assert {key: (job.owner_id, job.error.code) for key, job in jobs.items()} == {
            "hers": ("alice", ""),
            "unproved": ("-", "UNAUTHENTICATED"),
            "forged": ("-", "UNAUTHENTICATED"),
        }
        listed = (await stranger.clipmill("jobs", "--json", CLIPMILL_TOKEN=alice)).events
        assert [job["key"] for job in listed] == ["hers"]


async def test_dead_letters_are_listed_shown_and_sent_again_until_they_can_be_handled(
    home: Home, system: Running, video: Path
) -> None:
    async with outside(home, system, requests_owner="local") as stranger:
        clipmill = stranger.clipmill
        await stranger.request(video)
        await stranger.send("ingest.requests.v1", b'{"nonsense', key=b"ann", clipmill_token="secret")
        await stranger.send("audio.tasks.v1", b"\x01", ce_id="e")
        one, two, three = await stranger.letters(3)
        by_reason = {letter["reason"]: letter for letter in (one, two, three)}
        assert set(map(reason, by_reason)) == {"missing header: ce_id", "bad JSON", "missing header: ce_specversion"}
        assert all((letter["attempts"], letter["redrives"]) == (1, 0) for letter in by_reason.values())
        of_one_topic = (await clipmill("dlq", "list", "--topic", "audio.tasks.v1", "--json")).events
        assert [letter["letter"] for letter in of_one_topic] == [three["letter"]]

        (whole,) = [letter["letter"] for why, letter in by_reason.items() if "ce_id" in why]
        (broken,) = [letter["letter"] for why, letter in by_reason.items() if "JSON" in why]
        shown = await clipmill.job("dlq", "show", whole)
        assert shown["message"] == {"source": {"path": str(video)}}
        hidden = await clipmill("dlq", "show", broken)
        assert "secret" not in hidden.out
        assert json.loads(hidden.out)["body_base64"]

        # One is sent again and fails again: a letter of its own, in the place of the former.
        assert (await clipmill("dlq", "redrive", broken)).out.strip() == broken
        letters = await until_redriven(stranger, 3)
        assert sorted(letter["redrives"] for letter in letters) == [0, 0, 1]
        assert broken not in {letter["letter"] for letter in letters}
        again = await clipmill("dlq", "redrive", broken, "--json")
        assert (again.code, again.events[0]["code"]) == (5, "LETTER_NOT_FOUND")
        assert (await clipmill.job("dlq", "show", broken))["letter"] == broken

        sent = (await clipmill("dlq", "redrive", "--all", "--topic", "ingest.requests.v1", "--json")).events
        assert sorted(letter["redrives"] for letter in sent if letter["letter"] not in stranger.former) == [1, 2]
        told = {row["topic"]: row for row in (await clipmill("topics", "--json")).events}
        assert told["audio.tasks.v1"]["broker"]["dead_letters"] == 1


async def test_what_failed_for_a_reason_that_is_gone_is_handled_when_it_is_sent_again(
    home: Home, system: Running, video: Path
) -> None:
    async with outside(home, system, requests_owner="local") as stranger:
        # As if the topic had once taken no lines: a good record among the dead letters.
        headers = {"ce_id": "late", "clipmill-topic": "ingest.requests.v1", "clipmill-partition": "2"}
        await stranger.send("ingest.requests.v1.dlq", json.dumps({"source": {"path": str(video)}}).encode(), **headers)
        (letter,) = await stranger.letters(1)
        assert (await stranger.clipmill("dlq", "redrive", letter["letter"])).out.split() == [letter["letter"]]
        assert (await stranger.answers("late"))["late"].clip_ids
        assert await stranger.letters(0) == []


async def test_topics_are_told_as_they_are_meant_and_as_they_are(home: Home, tmp_path: Path) -> None:
    kafka = {"CLIPMILL_KAFKA_BOOTSTRAP": home.bootstrap, "CLIPMILL_KAFKA_PREFIX": home.prefix}
    clipmill = System(tmp_path, "", kafka)
    rows = {row["topic"]: row for row in (await clipmill("topics", "--json")).events}
    row = rows["audio.tasks.v1"]
    assert (row["partitions"], row["retention_h"], row["ordered"]) == (16, 24, False)
    assert (row["broker"]["partitions"], row["broker"]["retention_h"]) == (16, 24)
    missing = await clipmill("topics", CLIPMILL_KAFKA_PREFIX="elsewhere.")
    assert (missing.code, missing.out.count("missing")) == (5, len(rows))
    unknown = await clipmill("dlq", "list", "--topic", "no.such", "--json")
    assert unknown.events[0]["code"] == "TOPIC_NOT_FOUND"
    assert (await clipmill("dlq", "redrive")).code == 2


async def test_the_documented_python_works(home: Home, system: Running, video: Path) -> None:
    (program,) = [text for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S) if "Producer" in text]
    async with outside(home, system, requests_owner="local") as stranger:
        program = (
            program.replace("127.0.0.1:9092", stranger.bootstrap)
            .replace('"ingest.requests.v1"', f'"{stranger.prefix}ingest.requests.v1"')
            .replace('"jobs.progress.v1"', f'"{stranger.prefix}jobs.progress.v1"')
            .replace("/videos/talk.mp4", str(video))
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().splitlines()[-1].endswith("JOB_STATE_COMPLETED")


def reason(text: str) -> str:
    return re.sub(r"^Poison: (missing header: \w+|bad JSON).*", r"\1", text)


async def until_redriven(stranger: Outside, count: int) -> list[dict]:
    async with asyncio.timeout(60):
        while True:
            letters = await stranger.letters(count)
            if any(letter["redrives"] for letter in letters):
                return letters
