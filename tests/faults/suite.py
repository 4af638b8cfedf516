"""Runs faults one after another on one loaded system, and judges it at the end."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from faults.check import Seen, Verdict, judge
from faults.engines import Engines
from faults.faults import Fault, Scene
from faults.load import Load
from faults.system import System

from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.jobs.v1.jobs_pb2 import JobState

# Some work is under way when a fault comes.
LEAD_S = 2.0
PROBE_PATIENCE_S = 300.0
END_PATIENCE_S = 300.0
GOAL_S = 30.0
OPTIONS = ClipOptions(clips=3)
ENVIRONMENT = {"STAND_IN_SECONDS": "0.3", "STAND_IN_SLOTS": "2", "CLIPMILL_INGEST_LIVE_IDLE_S": "8"}


@dataclass(frozen=True)
class Suffered:
    """A fault and what came of it. `recovery_s`: from the fault's end until a job that was submitted then had ended;
    None when it had not
    after five minutes."""

    fault: str
    what: str
    recovery_s: float | None
    probe: str


@dataclass(frozen=True)
class Report:
    seed: int
    wall_s: float
    faults: tuple[Suffered, ...]
    verdict: Verdict


def schedule(faults: Sequence[Fault], seed: int) -> list[Fault]:
    """The faults in the order that the seed says."""
    return random.Random(seed).sample(faults, len(faults))


async def run(
    folder: Path,
    faults: Sequence[Fault],
    seed: int,
    every_s: float,
    environment: Mapping[str, str] = ENVIRONMENT,
    engines: Engines | None = None,
    video: bytes = b"",
    options: ClipOptions = OPTIONS,
) -> Report:
    """Suffer `faults` in order, with a job each `every_s`."""
    began = time.monotonic()
    seen = Seen()
    suffered: list[Suffered] = []
    async with System(folder, environment, engines).running() as system:
        load = Load(system, seed, video, options)
        steady = asyncio.create_task(load.steadily(every_s))
        try:
            for number, fault in enumerate(faults):
                scene = Scene(system, load, seen, random.Random(f"{seed}/{fault.__name__}"))
                await asyncio.sleep(LEAD_S)
                suffered.append(await _suffer(scene, fault, number))
                _say(suffered[-1])
        finally:
            steady.cancel()
            await steady
        known = await load.all_ended(END_PATIENCE_S)
        verdict = await judge(system, load, seen, known)
    return Report(seed, time.monotonic() - began, tuple(suffered), verdict)


async def _suffer(scene: Scene, fault: Fault, number: int) -> Suffered:
    try:
        what = await fault(scene)
    except AssertionError as error:
        what = f"NOT MADE: {error}"
        scene.seen.not_made.append(f"{fault.__name__}: {error}")
    ended_at = time.monotonic()
    probe = await scene.load.submit(f"probe-{number}", patience_s=PROBE_PATIENCE_S)
    job = await scene.load.ended(probe.job_id, PROBE_PATIENCE_S)
    took_s = None if job is None else round(time.monotonic() - ended_at, 1)
    state = "NOT ENDED" if job is None else JobState.Name(job.state).removeprefix("JOB_STATE_")
    return Suffered(fault.__name__, what, took_s, f"{state} {job.error.code}".strip() if job else state)


def _say(suffered: Suffered) -> None:
    took = "-" if suffered.recovery_s is None else f"{suffered.recovery_s:.1f}"
    print(f"{suffered.fault:24} {took:>7} s  {suffered.probe:12} {suffered.what}", file=sys.stderr, flush=True)


def as_json(report: Report) -> str:
    return json.dumps(asdict(report))
