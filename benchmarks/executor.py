"""The in-process executor beside the models called directly: what a call costs, and what batches gain.

Overhead: one caller, one row, the same input and the same loaded model, turn by turn as a bare call, by
asyncio.to_thread (the least that a service must do, lest its event loop stands still) and by the executor; medians.
Gain: as many callers as said, one row each, over what as many rows take when the bare function is called once a row.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from clipmill_models import definition_of
from clipmill_shared.inference.calls import loaded
from clipmill_shared.inference.definition import Definition, Infer, Tensors
from clipmill_shared.inference.inprocess import InProcess

CALLERS = (1, 4, 16, 64)
CALLS = 512
ROUNDS = 3


def rows(name: str, count: int) -> list[Tensors]:
    """Inputs of one row, no two alike."""
    random = np.random.default_rng(1)
    if name == "sentences":
        texts = [f"What is said here as number {n} is as long as most sentences of a talk are." for n in range(count)]
        return [{"text": np.array([[text.encode()]], object)} for text in texts]
    side = definition_of(name).signature.inputs[0].shape[0]
    return [{"image": random.integers(0, 256, (1, side, side, 3), np.uint8)} for _ in range(count)]


async def overhead(name: str, calls: int) -> dict[str, float]:
    """Of a lone call: bare, in a thread, and by the executor."""
    inputs = rows(name, calls)
    infer = loaded(definition_of(name))
    definition = replace(definition_of(name), load=lambda: infer)
    running = InProcess()
    await running.infer(definition, inputs[0])

    async def bare(row: Tensors) -> None:
        infer(row)

    async def threaded(row: Tensors) -> None:
        await asyncio.to_thread(infer, row)

    async def served(row: Tensors) -> None:
        await running.infer(definition, row)

    ways = (bare, threaded, served)
    took: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for number, row in enumerate(inputs):
        # Each of them comes first, second and third as often: the first finds the row in no cache.
        for turn in range(len(ways)):
            way = (number + turn) % len(ways)
            began = time.perf_counter()
            await ways[way](row)
            took[way].append(time.perf_counter() - began)
    await running.close()
    bare_s, threaded_s, served_s = map(statistics.median, took.values())
    return {
        "bare_ms": round(1e3 * bare_s, 3),
        "thread_ms": round(1e3 * threaded_s, 3),
        "executor_ms": round(1e3 * served_s, 3),
        "overhead_us": round(1e6 * (served_s - bare_s)),
        "allowed_us": round(max(150.0, 1e6 * 0.05 * bare_s)),
    }


async def throughput(definition: Definition, inputs: list[Tensors], callers: int) -> float:
    """Rows a second by the executor."""
    running = InProcess()
    await running.infer(definition, inputs[0])
    left = iter(inputs)

    async def call() -> None:
        for row in left:
            await running.infer(definition, row)

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    taken = time.perf_counter() - began
    await running.close()
    return len(inputs) / taken


def bare_throughput(infer: Infer, inputs: list[Tensors]) -> float:
    began = time.perf_counter()
    for row in inputs:
        infer(row)
    return len(inputs) / (time.perf_counter() - began)


def gains(name: str, calls: int) -> dict[str, float]:
    """Throughput over that of the bare function, by the number of callers; the median of some rounds."""
    definition, inputs = definition_of(name), rows(name, calls)
    infer = loaded(definition)
    infer(inputs[0])
    found: dict[int, list[float]] = {callers: [] for callers in CALLERS}
    for _ in range(ROUNDS):
        for callers in CALLERS:
            bare = bare_throughput(infer, inputs)
            found[callers].append(asyncio.run(throughput(definition, inputs, callers)) / bare)
    return {str(callers): round(statistics.median(ratios), 2) for callers, ratios in found.items()}


def of_each(measure: Callable[[str, int], dict[str, float]]) -> dict[str, dict[str, float]]:
    return {"sentences": measure("sentences", CALLS), "face_mesh": measure("face_mesh", CALLS // 2),
            "faces": measure("faces", CALLS // 8)}  # fmt: skip


def main() -> None:
    alone = of_each(lambda name, calls: asyncio.run(overhead(name, calls)))
    print(
        json.dumps(
            {
                "alone": alone,
                "overhead_reached": all(one["overhead_us"] <= one["allowed_us"] for one in alone.values()),
                "gain_by_callers": of_each(gains),
            }
        )
    )


if __name__ == "__main__":
    main()
