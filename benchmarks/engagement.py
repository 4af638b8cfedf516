"""Is a hidden liking found from what viewers do? And how quickly is a finished job ranked anew?

Viewers whose liking of each feature is drawn at random, nothing like the plain score, watch half of the clips of a
synthetic talk and do what their liking makes likely; the service's own update learns from it, event by event. The other
half is ranked by what was learnt, and by the hidden liking. ScoreClips is called by gRPC, on SQLite, after 100 events.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import clipmill_scoring.service
import grpc.aio
import numpy as np
from clipmill_scoring.domain import preferences as rules
from clipmill_scoring.domain.choose import choose_among
from clipmill_scoring.domain.outcomes import Kind, outcome
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.table import Ranking
from clipmill_scoring.settings import ScoringSettings
from clipmill_scoring.tabled import message_of
from numpy.typing import NDArray
from scipy.stats import kendalltau

from benchmarks.scoring import nothing_alike, talk
from clipmill import topics
from clipmill.clips.v1.clips_pb2 import ClipsScored, ScoredClips, ScoringTask
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill.scoring.v1.scoring_pb2_grpc import ScoringServiceStub
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.events import Event
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running
from clipmill_shared.telemetry import configure_logging

EVENTS = 2000
WORLDS = 10
# How much of viewers' doings their liking explains: the standard deviation of a clip's logit.
LIKING_SD = 1.5
USUAL_LOGIT = -0.5
DURATION_S = 30.0
CALLS = 400
Floats = NDArray[np.float64]


def vectors(ranking: Ranking) -> Floats:
    """Candidates as they are learnt from, a row each."""
    rows = np.arange(len(ranking.table))
    return np.column_stack((np.ones(len(rows)), rules.shares(ranking.table.values, rows)))


def recovered(clips: Floats, seed: int) -> tuple[float, float]:
    """Kendall's tau with the hidden liking on held-out clips: before, and after EVENTS events."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=clips.shape[1] - 1)
    order = rng.permutation(len(clips))
    shown, held = order[: len(order) // 2], order[len(order) // 2 :]
    liking = clips[:, 1:] @ hidden
    liking *= LIKING_SD / liking.std()
    liking += USUAL_LOGIT - liking.mean()
    belief = rules.prior()
    before = kendalltau(clips[held] @ belief.mean, liking[held]).statistic
    for _ in range(EVENTS):
        k = int(rng.choice(shown))
        chance = 1 / (1 + np.exp(-liking[k]))
        kind = Kind(int(rng.choice([Kind.VIEW.value, Kind.COMPLETION.value, Kind.LIKE.value, Kind.REJECT.value])))
        if kind in (Kind.LIKE, Kind.REJECT):
            # One or the other, as the viewer likes it.
            kind = Kind.LIKE if rng.random() < chance else Kind.REJECT
        watched = float(rng.beta(3 * chance, 3 * (1 - chance))) if kind is Kind.COMPLETION else 0.0
        what = outcome(kind, watched, DURATION_S)
        belief = rules.updated(belief, clips[k], what.good, what.weight)
    return float(before), float(kendalltau(clips[held] @ belief.mean, liking[held]).statistic)


async def called(ranking: Ranking, candidates: int, folder: Path) -> list[float]:
    """Milliseconds of ScoreClips calls for a job with so many candidates, with 100 events learnt and 5 clips asked."""
    bus = InProcessBus(keeps_offsets=False)
    blobs = Blobs.in_folder(folder / "blobs", folder / "scratch")
    platform = Platform(bus, blobs, f"sqlite+aiosqlite:///{folder}/{{service}}.db", folder / "scratch", "bench")
    service = clipmill_scoring.service.build(ScoringSettings(learns=True, engagement_owner="local"), platform)
    table = message_of(ranking.table.best(ranking.score, candidates), ScoringTask(clips=5)).SerializeToString()
    message = ClipsScored(
        task=Task(owner_id="local", job_id="j", task_id="t", attempt=1),
        video_id="v",
        scored=await blobs.put_message("local", ScoredClips(video_id="v")),
        candidates=await blobs.put_bytes("local", table, "application/protobuf"),
    )
    taken: list[float] = []
    async with (
        running([service], bus),
        serving([service], f"unix:{folder}/s") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        stub: Any = ScoringServiceStub(channel)
        await bus.publish(Event(topics.CLIPS_SCORED, message, "scored", "local", "/bench"))
        request = pb.ScoreClipsRequest(job_id="j")
        while not taken:
            try:
                clips = (await stub.ScoreClips(request)).clips
                taken.append(0.0)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(0.05)
        for number in range(100):
            kind = pb.EngagementEvent.KIND_LIKE if number % 3 else pb.EngagementEvent.KIND_REJECT
            event = pb.EngagementEvent(owner_id="local", clip_id=clips[number % len(clips)].head.clip_id, kind=kind)
            await bus.publish(Event(topics.ENGAGEMENT_EVENTS, event, f"e{number}", "local", "/bench"))
        while (await stub.GetPreferences(pb.GetPreferencesRequest())).learned.owner_events < 100:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for _ in range(CALLS):
            began = time.perf_counter()
            await stub.ScoreClips(request)
            taken.append(1000 * (time.perf_counter() - began))
    await bus.close()
    return taken[1:]


def main() -> int:
    """Print one JSON object."""
    configure_logging("ERROR")
    _, ranking = choose_among("v", talk(3600), Ask(10, 15, 60), nothing_alike)
    clips = vectors(ranking)
    found = [recovered(clips[:: max(1, len(clips) // 600)], seed) for seed in range(WORLDS)]
    before, after = np.array(found).T
    result: dict[str, object] = {
        "benchmark": "engagement",
        "events": EVENTS,
        "worlds": WORLDS,
        "kendall_tau_before": round(float(before.mean()), 3),
        "kendall_tau_after": round(float(after.mean()), 3),
        "kendall_tau_after_worst": round(float(after.min()), 3),
    }
    for candidates in (1000, len(ranking.table)):
        with tempfile.TemporaryDirectory() as folder:
            taken = asyncio.run(called(ranking, candidates, Path(folder)))
        result[f"score_clips_{candidates}_p50_ms"] = round(float(np.percentile(taken, 50)), 1)
        result[f"score_clips_{candidates}_p99_ms"] = round(float(np.percentile(taken, 99)), 1)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
