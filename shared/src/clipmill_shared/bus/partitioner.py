"""Which partition a key belongs to: the one that Kafka's other clients choose."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

from aiokafka.partitioner import murmur2


def partition_of(key: bytes | None, partitions: Sequence[int], available: Sequence[int]) -> int:
    """The partition of a key; without one, any that is available."""
    if key is None:
        return random.choice(available or partitions)  # noqa: S311
    return partitions[_hash(key) % len(partitions)]


@lru_cache(maxsize=10_000)
def _hash(key: bytes) -> int:
    # In pure Python it takes more time than anything else in sending an event, and a job's events share their key.
    return int(murmur2(key)) & 0x7FFFFFFF
