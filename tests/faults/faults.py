"""Every fault, one function each. A function makes its fault, keeps it up as long as it should last, ends it, and
returns what exactly it did; what recovery is measured from is its return."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaProducer
from faults.check import DONE, Seen
from faults.live import LiveTalk, seams_of
from faults.load import Load
from faults.system import BEHIND_PROXY, SERVICES, WORKERS, System

from clipmill import topics
from clipmill.client import FINAL_STATES

Fault = Callable[["Scene"], Awaitable[str]]
# Longer than a consumer group's session, so that the group gives the partitions to somebody else.
PAUSE_S = 13.0
OUTAGE_S = 6.0
ARMED_S = 120.0


class Scene:
    """What a fault acts on: the system, its load, what was seen in topics before they are wiped, and chance."""

    def __init__(self, system: System, load: Load, seen: Seen, chance: random.Random) -> None:
        self.system = system
        self.load = load
        self.seen = seen
        self.chance = chance


async def _die(scene: Scene, name: str, when: str) -> str:
    starts = scene.system.children[name].starts
    scene.system.tell(name, when)
    if await scene.system.died(name, starts, ARMED_S):
        return f"{name} was killed {when.removeprefix('die-')}"
    scene.system.untell(name, when)
    raise AssertionError(f"{name} did nothing in {ARMED_S:.0f} s that it could have died of")


async def kill_audio(scene: Scene) -> str:
    """SIGKILL the audio worker when its result is in the topic and its task's offset is not committed."""
    return await _die(scene, "audio", "die-after-publish")


async def kill_vision(scene: Scene) -> str:
    """SIGKILL the vision worker when its result is in the topic and its task's offset is not committed."""
    return await _die(scene, "vision", "die-after-publish")


async def kill_scoring(scene: Scene) -> str:
    """SIGKILL the scoring worker when its result is in the topic and its task's offset is not committed."""
    return await _die(scene, "scoring", "die-after-publish")


async def kill_render(scene: Scene) -> str:
    """SIGKILL the render worker when its clip is in the topic and its task's offset is not committed."""
    return await _die(scene, "render", "die-after-publish")


async def kill_ingest(scene: Scene) -> str:
    """SIGKILL ingest, and in it the import worker, when it has published and not noted that it has."""
    return await _die(scene, "ingest", "die-after-publish")


async def kill_ingest_after_sql(scene: Scene) -> str:
    """SIGKILL ingest when a change is committed to its database and the event that caused it counts as unread."""
    return await _die(scene, "ingest", "die-after-commit")


async def kill_catalog(scene: Scene) -> str:
    """SIGKILL the catalog when it has published a change and not noted that it has."""
    return await _die(scene, "catalog", "die-after-publish")


async def kill_at_random(scene: Scene) -> str:
    """SIGKILL any process, five times, at moments of chance."""
    killed = []
    for _ in range(5):
        await asyncio.sleep(scene.chance.uniform(0.2, 1.5))
        name = scene.chance.choice(SERVICES)
        scene.system.children[name].signal(signal.SIGKILL)
        killed.append(name)
    return f"killed {', '.join(killed)}"


async def pause_worker(scene: Scene) -> str:
    """SIGSTOP a worker past its session's timeout, with another of its kind to take over, then SIGCONT."""
    name = scene.chance.choice(WORKERS)
    await scene.system.start(f"{name}-2")
    child = scene.system.children[name]
    child.signal(signal.SIGSTOP)
    await asyncio.sleep(PAUSE_S)
    child.signal(signal.SIGCONT)
    await scene.system.end(f"{name}-2")
    return f"{name} stood still for {PAUSE_S:.0f} s"


async def pause_ingest(scene: Scene) -> str:
    """SIGSTOP ingest past its session's timeout, then SIGCONT."""
    child = scene.system.children["ingest"]
    child.signal(signal.SIGSTOP)
    await asyncio.sleep(PAUSE_S)
    child.signal(signal.SIGCONT)
    return f"ingest stood still for {PAUSE_S:.0f} s"


async def restart_broker(scene: Scene) -> str:
    """Kill the broker, and start it again."""
    await asyncio.to_thread(scene.system.broker.kill)
    await asyncio.sleep(OUTAGE_S)
    await asyncio.to_thread(scene.system.broker.start)
    return f"the broker was away for {OUTAGE_S:.0f} s and its start"


async def scale_workers(scene: Scene) -> str:
    """1 -> 3 -> 1 workers of a kind while loaded."""
    name = scene.chance.choice(WORKERS)
    await asyncio.gather(*(scene.system.start(f"{name}-{number}") for number in (2, 3)))
    await asyncio.sleep(4)
    for number in (2, 3):
        await scene.system.end(f"{name}-{number}")
    return f"{name} had 3 workers for 4 s"


async def cut_worker(scene: Scene) -> str:
    """A partition between a worker and the broker: connections are closed and refused."""
    scene.system.proxy.cut()
    await asyncio.sleep(PAUSE_S)
    scene.system.proxy.heal()
    return f"{BEHIND_PROXY} was cut off for {PAUSE_S:.0f} s"


async def silence_worker(scene: Scene) -> str:
    """A half-open partition: connections stay, nothing passes, nobody is told; what was on its way comes late."""
    scene.system.proxy.silence()
    await asyncio.sleep(PAUSE_S)
    scene.system.proxy.heal()
    return f"{BEHIND_PROXY} heard nothing for {PAUSE_S:.0f} s"


async def delay_worker(scene: Scene) -> str:
    """Each piece between a worker and the broker takes 200 ms."""
    scene.system.proxy.delay_s = 0.2
    await asyncio.sleep(OUTAGE_S)
    scene.system.proxy.heal()
    return f"{BEHIND_PROXY} was 200 ms away for {OUTAGE_S:.0f} s"


async def slow_store(scene: Scene) -> str:
    """Each piece between the services and the object store takes a second."""
    scene.system.to_store.delay_s = 1.0
    await asyncio.sleep(OUTAGE_S)
    scene.system.to_store.heal()
    return f"the store was 1 s away for {OUTAGE_S:.0f} s"


async def failing_store(scene: Scene) -> str:
    """The object store refuses connections, longer than its client tries again by itself."""
    scene.system.to_store.cut()
    await asyncio.sleep(PAUSE_S)
    scene.system.to_store.heal()
    return f"the store was away for {PAUSE_S:.0f} s"


async def full_disk(scene: Scene) -> str:
    """What is written to the store finds no room. Jobs that need it meanwhile may end, as failed with DISK_FULL."""
    scene.seen.expected_failures.add("DISK_FULL")
    for name in SERVICES:
        scene.system.tell(name, "store", "full")
    await asyncio.sleep(2)
    for name in SERVICES:
        scene.system.untell(name, "store")
    return "the store's disk was full for 2 s"


async def restart_postgres(scene: Scene) -> str:
    """PostgreSQL ends every connection, and starts again."""
    assert scene.system.engines is not None
    await asyncio.to_thread(scene.system.engines.postgres.stop)
    await asyncio.sleep(OUTAGE_S)
    await asyncio.to_thread(scene.system.engines.postgres.server.start)
    return f"PostgreSQL was away for {OUTAGE_S:.0f} s"


async def restart_redis(scene: Scene) -> str:
    """Redis is killed, and comes back empty."""
    assert scene.system.engines is not None
    await asyncio.to_thread(scene.system.engines.redis.stop)
    await asyncio.sleep(OUTAGE_S)
    await asyncio.to_thread(scene.system.engines.redis.start)
    return f"Redis was away for {OUTAGE_S:.0f} s, and forgot"


async def poison_event(scene: Scene) -> str:
    """Records that are no events, in a topic of tasks and in one of results: dead letters, and the others go on."""
    producer = AIOKafkaProducer(bootstrap_servers=scene.system.broker.bootstrap)
    await producer.start()
    try:
        for topic in (topics.AUDIO_TASKS, topics.CLIPS_RENDERED):
            for _ in range(3):
                await producer.send_and_wait(topic.name, b"{nonsense", key=scene.chance.randbytes(4).hex().encode())
    finally:
        await producer.stop()
    # Three for the audio worker; three each for ingest and the catalog.
    scene.seen.expected_letters += 9
    return "six records of nonsense"


async def crashing_video(scene: Scene) -> str:
    """A video that kills the worker that takes it, whenever one does: it fails, and the others go on."""
    scene.seen.expected_failures.add("WORKER_LOST")
    job = await scene.load.submit("crashing", b"poison:vision")
    ended = await scene.load.ended(job.job_id, 120)
    assert ended is not None, "the job of the poison has not ended"
    return f"its job ended with {ended.error.code}"


async def clock_jumps(scene: Scene) -> str:
    """All wall clocks jump two hours ahead, and after a while back to the right time."""
    for name in SERVICES:
        scene.system.tell(name, "clock", "7200")
    await asyncio.sleep(OUTAGE_S)
    for name in SERVICES:
        scene.system.untell(name, "clock")
    return f"clocks were 2 h ahead for {OUTAGE_S:.0f} s"


async def live_source(scene: Scene) -> str:
    """SIGKILL ingest, which records, and the audio worker, while a live source is said: it goes on, word for word."""
    talk = LiveTalk(scene.load)
    job = await talk.until(await talk.submit(), lambda job: job.live.lines and job.live.candidates)
    assert not job.live.ended, "its first candidates came after its end"
    before_s = job.live.recorded_s
    for name in ("ingest", "audio"):
        scene.system.children[name].signal(signal.SIGKILL)
    await talk.until(job, lambda job: job.live.recorded_s > before_s and not job.live.ended)
    await talk.written()
    job = await talk.until(job, lambda job: job.state in FINAL_STATES)
    assert job.state in DONE, f"it ended with {job.error.code}"
    _, words = await scene.system.clips.transcript(job.video_id)
    assert not (seams := seams_of(words, hole_s=2.0)), f"words are lost or doubled: {', '.join(seams)}"
    return f"ingest and audio were killed at {before_s:.0f} s of a live source; {len(words)} words, each once"


async def wipe_broker(scene: Scene) -> str:
    """The broker comes back without its data: another cluster, with no topic."""
    await scene.seen.read(scene.system.broker.bootstrap)
    await asyncio.to_thread(scene.system.broker.kill)
    scene.system.broker.wipe()
    await asyncio.to_thread(scene.system.broker.start)
    return "the broker's data were wiped"


ALL: tuple[Fault, ...] = (
    kill_audio,
    kill_vision,
    kill_scoring,
    kill_render,
    kill_ingest,
    kill_ingest_after_sql,
    kill_catalog,
    kill_at_random,
    pause_worker,
    pause_ingest,
    restart_broker,
    scale_workers,
    cut_worker,
    silence_worker,
    delay_worker,
    slow_store,
    failing_store,
    full_disk,
    restart_postgres,
    restart_redis,
    poison_event,
    crashing_video,
    clock_jumps,
    live_source,
    wipe_broker,
)

# With the real models: one of each kind.
REAL: tuple[Fault, ...] = (
    kill_vision,
    kill_render,
    kill_ingest,
    kill_catalog,
    pause_worker,
    restart_broker,
    scale_workers,
    cut_worker,
    restart_postgres,
    restart_redis,
    failing_store,
    full_disk,
    poison_event,
    clock_jumps,
    wipe_broker,
)
