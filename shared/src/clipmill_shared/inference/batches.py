"""Requests become batches, and batches answers. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from clipmill_shared.inference.definition import Tensors


class Rows(Protocol):
    """Something with inputs that wants to be computed."""

    @property
    def inputs(self) -> Tensors: ...

    @property
    def rows(self) -> int: ...


R = TypeVar("R", bound=Rows)


def take(waiting: deque[R], max_rows: int) -> list[R]:
    """Remove the oldest requests that fit into one batch; in order, at least one. A row of another shape waits."""
    taken = [waiting.popleft()]
    total = taken[0].rows
    while waiting and total + waiting[0].rows <= max_rows and _alike(taken[0], waiting[0]):
        total += waiting[0].rows
        taken.append(waiting.popleft())
    return taken


def stack(requests: Sequence[Tensors]) -> Tensors:
    """Their rows one below another; a lone request as it is."""
    if len(requests) == 1:
        return requests[0]
    return {name: np.concatenate([inputs[name] for inputs in requests]) for name in requests[0]}


def split(outputs: Tensors, rows: Sequence[int]) -> list[Tensors]:
    """Each request's share of a batch's outputs."""
    if len(rows) == 1:
        return [outputs]
    ends = np.cumsum(rows)
    return [
        {name: array[end - count : end] for name, array in outputs.items()}
        for end, count in zip(ends, rows, strict=True)
    ]


def _alike(one: Rows, other: Rows) -> bool:
    return all(array.shape[1:] == other.inputs[name].shape[1:] for name, array in one.inputs.items())
