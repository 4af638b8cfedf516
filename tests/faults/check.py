"""What must hold at the end, read from the outside: from every topic's first record, and from both APIs."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer
from faults.load import Load
from faults.system import System

from clipmill import topics
from clipmill.client import FINAL_STATES
from clipmill.clips.v1.clips_pb2 import ClipRendered
from clipmill.jobs.v1.jobs_pb2 import Job, JobState

CATALOG_LAG_S = 20.0
DONE = (JobState.JOB_STATE_COMPLETED, JobState.JOB_STATE_COMPLETED_WITH_WARNINGS)


@dataclass
class Seen:
    """What lies in the topics. `read` may be called again, also on a broker that has forgotten what was there."""

    contents: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    rendered: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    dead_letters: list[str] = field(default_factory=list)
    # As many as faults have asked for.
    expected_letters: int = 0
    # Codes with which jobs may fail, by the same.
    expected_failures: set[str] = field(default_factory=set)
    records: int = 0
    # Faults that did not come about.
    not_made: list[str] = field(default_factory=list)

    async def read(self, bootstrap: str) -> None:
        names = [name for topic in topics.ALL for name in (topic.name, topic.dead_letters)]
        consumer = AIOKafkaConsumer(
            *names, bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            places = sorted(consumer.assignment())
            ends = await consumer.end_offsets(places)
            while any([await consumer.position(place) < ends[place] for place in places]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    for record in batch:
                        headers = {name: value.decode() for name, value in record.headers}
                        self._note(record.topic, headers, record.value or b"")
        finally:
            await consumer.stop()

    def _note(self, topic: str, headers: dict[str, str], body: bytes) -> None:
        self.records += 1
        if topic.endswith(".dlq"):
            self.dead_letters.append(f"{topic}: {headers.get('clipmill-error', '?')[:160]}")
            return
        if "ce_id" not in headers:
            return  # A stranger's.
        self.contents[topic, headers["ce_id"]].add(hashlib.sha256(body).hexdigest())
        if topic == topics.CLIPS_RENDERED.name:
            message = ClipRendered.FromString(body)
            self.rendered[message.task.job_id, message.clip_id].add(message.video.uri)


@dataclass(frozen=True)
class Verdict:
    """What was found; `broken` names every promise that was not kept."""

    jobs: int
    states: dict[str, int]
    errors: dict[str, int]
    records: int
    dead_letters: dict[str, int]
    broken: tuple[str, ...]


async def judge(system: System, load: Load, seen: Seen, known: dict[str, Job]) -> Verdict:
    """Hold the system to its promises. `known` are all jobs as the ledger has them."""
    broken = [f"not made: {fault}" for fault in seen.not_made]
    await seen.read(system.broker.bootstrap)
    for job_id, key in load.accepted.items():
        if job_id not in known:
            broken.append(f"job {key} was accepted and is lost")
        elif known[job_id].state not in FINAL_STATES:
            broken.append(f"job {key} has not ended: {known[job_id].progress:.2f}")
    if strangers := set(known) - set(load.accepted):
        broken.append(f"{len(strangers)} jobs that nobody submitted")
    for (topic, name), contents in seen.contents.items():
        if len(contents) > 1:
            broken.append(f"{topic}: the event {name} has {len(contents)} contents")
    for (job_id, clip_id), videos in seen.rendered.items():
        if len(videos) > 1:
            broken.append(f"the clip {clip_id} of {load.accepted.get(job_id)} was rendered under {len(videos)} names")
    broken += [line for job_id in load.accepted if job_id in known for line in await _catalog(system, known[job_id])]
    if len(seen.dead_letters) != seen.expected_letters:
        broken.append(f"{len(seen.dead_letters)} dead letters instead of {seen.expected_letters}")
    states = Counter(JobState.Name(job.state).removeprefix("JOB_STATE_") for job in known.values())
    errors = Counter(job.error.code for job in known.values() if job.error.code)
    broken += [f"{count} jobs failed: {code}" for code, count in errors.items() if code not in seen.expected_failures]
    letters = Counter(seen.dead_letters)
    return Verdict(len(load.accepted), dict(states), dict(errors), seen.records, dict(letters), tuple(broken))


async def _catalog(system: System, job: Job) -> list[str]:
    """What the catalog says otherwise than the job does, once it has had time to hear of it."""
    if job.state not in DONE:
        return []
    until = time.monotonic() + CATALOG_LAG_S
    while True:
        clips = await system.clips.clips(job.job_id)
        there = {clip.scored.head.clip_id for clip in clips if clip.HasField("rendering")}
        lacks, has_more = set(job.clip_ids) - there, there - set(job.clip_ids)
        if not lacks or time.monotonic() > until:
            break
        await asyncio.sleep(0.5)
    said = [f"job {job.job_id}: the catalog lacks {len(lacks)} clips"] if lacks else []
    return said + ([f"job {job.job_id}: the catalog has {len(has_more)} clips too many"] if has_more else [])
