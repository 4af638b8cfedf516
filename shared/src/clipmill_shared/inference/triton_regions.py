"""Large tensors by shared memory, for a Triton that sees this machine's /dev/shm: copied once, into no message."""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import aio as grpc_client


@dataclass(eq=False)
class Region:
    """A piece of shared memory that the server knows by its name. One call holds it at a time."""

    memory: SharedMemory
    size_bytes: int
    # As the server was when it was told of it: one that has restarted has forgotten it.
    era: int

    @property
    def name(self) -> str:
        return self.memory.name

    def fill(self, array: NDArray[Any]) -> None:
        np.ndarray(array.shape, array.dtype, self.memory.buf)[...] = array

    def destroy(self) -> None:
        self.memory.close()
        self.memory.unlink()


class Regions:
    """As many regions as calls held at once, of sizes that are powers of two; used again, `at_most_bytes` in all.

    A region may be given to the next call although the server still reads it for one that was given up: whose answer
    nobody gets.
    """

    def __init__(self, client: grpc_client.InferenceServerClient, at_most_bytes: int) -> None:
        self._client = client
        self._left_bytes = at_most_bytes
        self._idle: dict[int, list[Region]] = defaultdict(list)
        self._era = 0

    async def take(self, size_bytes: int, timeout_s: float) -> Region | None:
        """A region of at least this size, to be given back; None without room. InferenceServerException."""
        rounded = 1 << (size_bytes - 1).bit_length()
        while idle := self._idle[rounded]:
            region = idle.pop()
            if region.era == self._era:
                return region
            self._destroy(region)
        if rounded > self._left_bytes:
            return None
        memory = SharedMemory(f"clipmill-{secrets.token_hex(8)}", create=True, size=rounded)
        self._left_bytes -= rounded
        region = Region(memory, rounded, self._era)
        try:
            await self._client.register_system_shared_memory(
                region.name, f"/{region.name}", rounded, client_timeout=timeout_s
            )
        except BaseException:
            self._destroy(region)
            raise
        return region

    def give_back(self, region: Region) -> None:
        if region.era == self._era:
            self._idle[region.size_bytes].append(region)
        else:
            self._destroy(region)

    def forget(self) -> None:
        """The server knows none of them any more."""
        self._era += 1

    async def close(self) -> None:
        """Give all memory back, here and, if it answers, on the server."""
        for region in [region for idle in self._idle.values() for region in idle]:
            self._destroy(region)
            await self._client.unregister_system_shared_memory(region.name, client_timeout=1)
        self._idle.clear()

    def _destroy(self, region: Region) -> None:
        self._left_bytes += region.size_bytes
        region.destroy()
