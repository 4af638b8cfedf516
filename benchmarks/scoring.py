"""How long scoring takes: the selection among 10,000 candidates, and a whole talk of two hours, with retakes or not."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence

# As in the service. Read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from clipmill_scoring.domain.choose import choose
from clipmill_scoring.domain.diversity import Selection, select_diverse
from clipmill_scoring.domain.sayings import Sayings
from clipmill_scoring.domain.selection import select
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Level, Shot, Timeline, Word
from clipmill_scoring.exchange import Request
from numpy.typing import NDArray

from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill.audio.v1.audio_pb2 import Word as Heard
from clipmill.clips.v1.clips_pb2 import ScoringTask
from clipmill.media.v1.media_pb2 import MediaInfo
from clipmill_shared.compute import Children

Selector = Callable[[], Selection]
RUNS = 5
WORDS = ("so", "you", "never", "said", "she", "line", "why", "moving", "throughput", "seven", "and", "it")


def talk(duration_s: float) -> Timeline:
    """Sentences, each another one, of 6 to 20 words at 2.6 words a second, a shot every 8 s."""
    rng = random.Random(1)
    words: list[Word] = []
    at_s = 1.0
    while at_s < duration_s - 12:
        count = rng.randint(6, 20)
        for k in range(count):
            words.append(Word(rng.choice(WORDS) + ("." if k == count - 1 else ""), at_s, at_s + 0.35, k == count - 1))
            at_s += 0.38
        at_s += rng.uniform(0.1, 1.0)
    shots = tuple(Shot(s, s + 8.0, rng.random() / 10, rng.uniform(50, 500)) for s in np.arange(0, duration_s, 8.0))
    levels = np.random.default_rng(1).normal(-25, 6, int(duration_s * 10))
    faces = np.random.default_rng(2).integers(0, 3, int(duration_s * 5)).astype(np.float64)
    return Timeline(duration_s, "en", tuple(words), shots, Level(0.1, levels), Level(0.2, faces))


def retaken(sentences: int, retakes: int) -> Selector:
    """Selects among the runs of so many sentences of 6 s that last 15 to 60 s, some sentences said again elsewhere."""
    rng = np.random.default_rng(1)
    first, length = (axis.ravel() for axis in np.mgrid[0:sentences, 3:11])
    first, last = first[first + length <= sentences], (first + length)[first + length <= sentences]
    again = np.sort(rng.choice(sentences, 2 * retakes, replace=False))
    said = Sayings(again, again + 1, rng.permutation(np.arange(2 * retakes) // 2), np.full(retakes, 10))
    # What is said twice is what matters, so that the solver is needed.
    within = said.within(first, last)
    score = (rng.uniform(40, 60, len(first)) + 8 * np.bincount(within.run, minlength=len(first))).clip(0, 100).round(2)
    return lambda: select_diverse(first * 6.0, last * 6.0, score, said.within(first, last), 10)


def nothing_alike(texts: Sequence[str]) -> NDArray[np.float32]:
    """Stands for the sentence encoder, without its time."""
    rows = np.random.default_rng(1).normal(size=(len(texts), 512)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


async def in_child(talk: Timeline) -> dict[str, float]:
    """Milliseconds of the whole choice as the service makes it: with the child's start, and in the warm child."""
    words = [Heard(text=w.text, start_s=w.start_s, end_s=w.end_s, ends_sentence=w.ends_sentence) for w in talk.words]
    task = ScoringTask(video_id="v", info=MediaInfo(duration_s=talk.duration_s), clips=10, min_s=15, max_s=60)
    request = Request(task, [AudioAnalysis(language="en", words=words)], [])
    children = Children("clipmill_scoring.work:choose_clips", 1)
    taken: dict[str, float] = {}
    for name in ("two_hour_talk_in_new_child_ms", "two_hour_talk_in_warm_child_ms"):
        began = time.perf_counter()
        await children.run(request)
        taken[name] = round(1000 * (time.perf_counter() - began))
    await children.close()
    return taken


def median_ms(work: Callable[[], object]) -> float:
    """The median of five runs, in milliseconds of the processor: what else runs here says nothing of the code."""
    taken: list[float] = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - began))
    return round(float(np.median(taken)), 1)


def main() -> int:
    """Print one JSON object."""
    rng = np.random.default_rng(1)
    start_s = rng.uniform(0, 7200, 10_000)
    end_s = start_s + rng.uniform(15, 60, 10_000)
    score = rng.uniform(20, 80, 10_000).round(2)
    two_hours = talk(7200)
    print(
        json.dumps(
            {
                "benchmark": "scoring",
                "select_10_of_10000_ms": median_ms(lambda: select(start_s, end_s, score, 10)),
                "select_100_of_10000_ms": median_ms(lambda: select(start_s, end_s, score, 100)),
                "select_10_of_10000_with_20_retakes_ms": median_ms(retaken(1260, 20)),
                "select_10_of_10000_with_200_retakes_ms": median_ms(retaken(1260, 200)),
                "select_10_of_10000_with_600_retakes_ms": median_ms(retaken(1260, 600)),
                "two_hour_talk_ms": median_ms(lambda: choose("v", two_hours, Ask(10, 15, 60), nothing_alike)),
                "two_hour_talk_candidates": choose("v", two_hours, Ask(10, 15, 60), nothing_alike).candidates,
                **asyncio.run(in_child(two_hours)),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
