"""One call of a loaded model with a batch; in a thread of this process, or in a child."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from clipmill_shared.compute import Report
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.batches import split, stack
from clipmill_shared.inference.checks import check_outputs
from clipmill_shared.inference.definition import Definition, Infer, Tensors, definition_at
from clipmill_shared.inference.executor import OUT_OF_MEMORY, load_failed, model_failed, out_of_memory


class Computed(NamedTuple):
    """A batch's answers in its order: each its outputs, or why there are none."""

    outcomes: list[Tensors | ClipmillError]
    compute_s: float
    # Rows that found too little memory together and were computed in halves; 0 where all went at once.
    halved_rows: int = 0


@dataclass(frozen=True)
class Call:
    """What crosses to a child."""

    reference: str
    requests: list[Tensors]


def loaded(definition: Definition) -> Infer:
    """Its function. MODEL_LOAD_FAILED, whatever went wrong."""
    try:
        return definition.load()
    except Exception as error:
        raise load_failed(definition, f"{type(error).__name__}: {error}") from error


def compute(definition: Definition, infer: Infer, requests: Sequence[Tensors]) -> Computed:
    """Infer a batch. If that fails, each request alone, so that none fails for another's sake; what has too little
    memory, in halves.
    """
    began = time.perf_counter()
    halved = 0
    try:
        outcomes: list[Tensors | ClipmillError] = list(_together(definition, infer, requests))
    except ClipmillError as error:
        if error.code == OUT_OF_MEMORY:
            halved = sum(map(_rows, requests))
            outcomes = [_halved(definition, infer, inputs) for inputs in requests]
        else:
            outcomes = [error] if len(requests) == 1 else [_alone(definition, infer, inputs) for inputs in requests]
    return Computed(outcomes, time.perf_counter() - began, halved)


def answer(request: object, _report: Report) -> Computed:
    """The child's function: loads at its first call."""
    assert isinstance(request, Call)
    return compute(definition_at(request.reference), _loaded_at(request.reference), request.requests)


@lru_cache(maxsize=1)
def _loaded_at(reference: str) -> Infer:
    return loaded(definition_at(reference))


def _together(definition: Definition, infer: Infer, requests: Sequence[Tensors]) -> Sequence[Tensors]:
    rows = [_rows(inputs) for inputs in requests]
    try:
        outputs = infer(stack(requests))
    except Exception as error:
        if _is_short_of_memory(error):
            raise out_of_memory(definition, f"for {sum(rows)} rows") from error
        raise model_failed(definition, f"{type(error).__name__}: {error}") from error
    check_outputs(definition, outputs, sum(rows))
    return split(outputs, rows)


def _alone(definition: Definition, infer: Infer, inputs: Tensors) -> Tensors | ClipmillError:
    try:
        return _together(definition, infer, [inputs])[0]
    except ClipmillError as error:
        return error


def _halved(definition: Definition, infer: Infer, inputs: Tensors) -> Tensors | ClipmillError:
    """A request by itself, then its halves, and theirs, down to single rows."""
    outcome = _alone(definition, infer, inputs)
    rows = _rows(inputs)
    if not isinstance(outcome, ClipmillError) or outcome.code != OUT_OF_MEMORY or rows == 1:
        return outcome
    answers: list[Tensors] = []
    for share in (slice(0, rows // 2), slice(rows // 2, rows)):
        half = _halved(definition, infer, {name: array[share] for name, array in inputs.items()})
        if isinstance(half, ClipmillError):
            return half
        answers.append(half)
    return stack(answers)


def _rows(inputs: Tensors) -> int:
    return len(next(iter(inputs.values())))


def _is_short_of_memory(error: Exception) -> bool:
    """Of the host, by Python's own error, or of a device: runtimes say that in words alone."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "failed to allocate memory" in words
