"""What runs in the child that checks a version: loads it, compares its signature, and asks it.

Whatever a version does here, it does to a process that is limited in time and memory and thrown away.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipmill_shared.compute import Report
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import Definition, Signature, Tensors, definition_at
from clipmill_shared.inference.executor import load_failed
from clipmill_shared.inference.inprocess import InProcess


@dataclass(frozen=True)
class Known:
    """Inputs, and what they must be answered with but for `tolerance`; without outputs anything of the signature."""

    inputs: Tensors
    outputs: Tensors
    tolerance: float


@dataclass(frozen=True)
class Trial:
    """What crosses to the child. `reference` is definition_at's; `signature` what was registered, None for any."""

    model: str
    version: str
    reference: str
    signature: Signature | None
    known: Sequence[Known] = ()


@dataclass(frozen=True)
class Tried:
    """A version that works. `infer_s` is of its example, once it is warm; `memory_bytes` how much the process grew."""

    signature: Signature
    load_s: float
    infer_s: float
    memory_bytes: int


def run(request: object, _report: Report) -> Tried:
    """The child's function. Errors: MODEL_LOAD_FAILED, SIGNATURE_DIFFERS, MODEL_FAILED, MODEL_OUTPUT_INVALID,
    GOLDEN_DIFFERS."""
    assert isinstance(request, Trial)
    return asyncio.run(_run(request))


async def _run(trial: Trial) -> Tried:
    try:
        definition = definition_at(trial.reference)
    except Exception as error:
        raise ClipmillError(
            "MODEL_LOAD_FAILED",
            f"What defines {trial.model} {trial.version} cannot be loaded: {type(error).__name__}: {str(error)[:300]}.",
            "See that the definition is installed and takes this format.",
        ) from error
    if definition.name != trial.model or definition.version != trial.version:
        raise load_failed(definition, f"it defines {definition.name} {definition.version}, not {trial.version}")
    if trial.signature is not None and trial.signature != definition.signature:
        raise differs(trial.model, trial.version, trial.signature, definition.signature)
    executor = InProcess(threads=1)
    try:
        before_bytes, began = _most_bytes(), time.perf_counter()
        await executor.infer(definition, definition.example())
        warm = await executor.infer(definition, definition.example())
        load_s = time.perf_counter() - began - warm.compute_s
        memory_bytes = _most_bytes() - before_bytes
        for number, known in enumerate(trial.known, start=1):
            inferred = await executor.infer(definition, known.inputs)
            _compare(definition, number, known, inferred.outputs)
    finally:
        await executor.close()
    return Tried(definition.signature, load_s, warm.compute_s, memory_bytes)


def _most_bytes() -> int:
    """The most memory that this process has had. On Linux getrusage counts in what its parent had when it began."""
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text("ascii", "replace")
        return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def differs(model: str, version: str, said: Signature, found: Signature) -> ClipmillError:
    return ClipmillError(
        "SIGNATURE_DIFFERS",
        f"The version {version} of {model} should be {_words(said)}, and is {_words(found)}.",
        "Register it as another model, or with the signature that callers rely on.",
    )


def _words(signature: Signature) -> str:
    sides = (
        ", ".join(f"{t.name} {t.dtype} {list(t.shape)}" for t in side) for side in (signature.inputs, signature.outputs)
    )
    return " -> ".join(sides)[:300]


def _compare(definition: Definition, number: int, known: Known, found: Tensors) -> None:
    for name, expected in known.outputs.items():
        array = found.get(name)
        is_right = array is not None and array.shape == expected.shape
        if is_right and array is not None:
            is_right = (
                bool((array == expected).all())
                if expected.dtype.hasobject
                else bool(np.allclose(array, expected, rtol=0, atol=known.tolerance))
            )
        if not is_right:
            raise ClipmillError(
                "GOLDEN_DIFFERS",
                f"The version {definition.version} of {definition.name} answers input {number} otherwise in {name}.",
                "If the new answer is right, register the version with it.",
            )
