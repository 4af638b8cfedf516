"""How long scoring takes: the selection among 10,000 candidates, and a whole talk of two hours."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable

import numpy as np
from clipmill_scoring.domain.choose import choose
from clipmill_scoring.domain.selection import select
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Level, Shot, Timeline, Word

RUNS = 5
WORDS = ("so", "you", "never", "said", "she", "line", "why", "moving", "throughput", "seven", "and", "it")


def talk(duration_s: float) -> Timeline:
    """Sentences of 6 to 20 words at 2.6 words a second, a shot every 8 s."""
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


def median_ms(work: Callable[[], object]) -> float:
    """The median of five runs, in milliseconds."""
    taken: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
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
                "two_hour_talk_ms": median_ms(lambda: choose("v", two_hours, Ask(10, 15, 60))),
                "two_hour_talk_candidates": choose("v", two_hours, Ask(10, 15, 60)).candidates,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
