"""The Triton executor beside NVIDIA's client alone, on a real tritonserver: one row a call, 64 in flight.

The model doubles sixteen numbers, so that nothing but the way there and back is measured. Turn by turn in one run.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from tritonclient.grpc import aio as grpc_client

from clipmill_models.repository import write
from clipmill_shared.inference.executor import check_ready
from clipmill_shared.inference.triton import Triton, TritonOptions

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from harness.tiny_models import ON_TRITON, TOTAL
from harness.triton import triton

TESTS = Path(__file__).parent.parent / "tests"
IN_FLIGHT = (1, 16, 64)
CALLS = 2000
ROUNDS = 5
ROW = {"x": np.full((1, 16), 0.5, np.float32)}


async def per_second(call: Callable[[], Awaitable[object]], in_flight: int, calls: int) -> float:
    """Calls a second, with so many callers that each call again when answered."""
    left = iter(range(calls))

    async def caller() -> None:
        for _ in left:
            await call()

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return calls / (time.perf_counter() - began)


async def measure(address: str) -> dict[str, dict[str, float]]:
    ours, bare = Triton(address), grpc_client.InferenceServerClient(address)
    await check_ready(ours, ON_TRITON)

    async def by_executor() -> None:
        await ours.infer(ON_TRITON, ROW)

    async def by_client() -> None:
        sent = grpc_client.InferInput("x", [1, 16], "FP32")
        sent.set_data_from_numpy(ROW["x"])
        (await bare.infer("double", [sent])).as_numpy("y")

    found: dict[str, dict[str, float]] = {}
    for in_flight in IN_FLIGHT:
        calls = CALLS if in_flight > 1 else CALLS // 4
        executor, client, ratios = [], [], []
        for number in range(ROUNDS):
            turns = [(by_executor, executor), (by_client, client)]
            for call, rates in turns if number % 2 else reversed(turns):
                rates.append(await per_second(call, in_flight, calls))
            ratios.append(executor[-1] / client[-1])
        found[str(in_flight)] = {
            "executor_per_s": round(statistics.median(executor)),
            "client_per_s": round(statistics.median(client)),
            "ratio": round(statistics.median(ratios), 2),
        }
    await ours.close()
    await bare.close()
    return found


async def measure_large(address: str) -> dict[str, dict[str, float]]:
    """Milliseconds of a lone call, by the size of its input, by gRPC and by shared memory."""
    found: dict[str, dict[str, float]] = {}
    for name, values in (("face, .2 MB", 49_152), ("batch of faces, 1.6 MB", 393_216), ("1080p, 6.2 MB", 1_555_200)):
        row = {"x": np.ones((1, values), np.float32)}
        by_grpc, by_memory = Triton(address), Triton(address, TritonOptions(shared_from_bytes=1))
        took: dict[str, list[float]] = {"grpc": [], "shared": []}
        for _ in range(60):
            for way, executor in (("grpc", by_grpc), ("shared", by_memory)):
                began = time.perf_counter()
                await executor.infer(TOTAL, row)
                took[way].append(1e3 * (time.perf_counter() - began))
        found[name] = {way: round(statistics.median(times), 2) for way, times in took.items()}
        await by_grpc.close()
        await by_memory.close()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), [ON_TRITON, TOTAL])
        with triton(Path(folder), [TESTS]) as server:
            by_flight = asyncio.run(measure(server.address))
            large = asyncio.run(measure_large(server.address))
    print(json.dumps({"in_flight": by_flight, "large_input_ms": large, "reached": by_flight["64"]["ratio"] >= 0.9}))


if __name__ == "__main__":
    main()
