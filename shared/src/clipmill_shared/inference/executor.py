"""What runs a model for a caller. Services hold one and do not know which."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from clipmill_shared import metrics
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import Definition, Tensors


class Inferred(NamedTuple):
    """An answer and how it came about. The outputs have as many rows as the inputs had.

    A tuple, as Computed: after a model has run, a frozen dataclass takes 2 us more to be made.
    """

    outputs: Tensors
    version: str
    # "in process" or "triton".
    executor: str
    queue_s: float
    compute_s: float
    # Rows that were computed together, of all callers.
    batch_rows: int
    # Why an executor before this one did not answer; "" where the first one did.
    fallback: str = ""


class Executor(Protocol):
    """Runs models. Cancelling a call takes it out of the queue; a deadline is the caller's `asyncio.timeout`.

    Errors: ClipmillError INVALID_TENSOR, INFERENCE_QUEUE_FULL (may pass), MODEL_LOAD_FAILED, MODEL_FAILED,
    MODEL_OUTPUT_INVALID, MODEL_TOO_LARGE; of Triton also TRITON_UNAVAILABLE (may pass).
    """

    async def infer(self, definition: Definition, inputs: Tensors) -> Inferred: ...

    async def close(self) -> None: ...


async def check_ready(executor: Executor, definition: Definition) -> None:
    """See that a model answers: by a small real inference, for a server may call a dead model ready."""
    await executor.infer(definition, definition.example())


OUT_OF_MEMORY = "MODEL_OUT_OF_MEMORY"


def out_of_memory(definition: Definition, what: str) -> ClipmillError:
    return ClipmillError(
        OUT_OF_MEMORY,
        f"The model {definition.name} {definition.version} had too little memory {what}.",
        "Give the machine more memory, or let fewer models run at once.",
        retryable=True,
    )


def halved(definition: Definition, rows: int) -> str:
    """Why a batch of so many rows was computed in halves; "" for none. Counted as a fallback."""
    if not rows:
        return ""
    metrics.INFERENCE_FALLBACKS.add(1, {"model": definition.name, "code": OUT_OF_MEMORY})
    short = out_of_memory(definition, f"for {rows} rows")
    return f"{short.code}: {short.message} They were computed in smaller batches."


def queue_full(definition: Definition, where: str) -> ClipmillError:
    return ClipmillError(
        "INFERENCE_QUEUE_FULL",
        f"Too many requests for the model {definition.name} wait {where}.",
        "Try again in a moment, or send less at a time.",
        retryable=True,
    )


def client_missing(error: ModuleNotFoundError, setting: str) -> ClipmillError:
    return ClipmillError(
        "TRITON_CLIENT_MISSING",
        f"The package {error.name}, by which Triton is asked, is not installed.",
        f"Install requirements/triton-client.txt, or leave {setting} empty.",
    )


def load_failed(definition: Definition, why: str) -> ClipmillError:
    return ClipmillError(
        "MODEL_LOAD_FAILED",
        f"The model {definition.name} {definition.version} cannot be loaded: {why[:300]}.",
        "Set up its package anew (`make clean setup`), or go back to a version that worked.",
    )


def model_failed(definition: Definition, why: str) -> ClipmillError:
    return ClipmillError(
        "MODEL_FAILED",
        f"The model {definition.name} {definition.version} failed: {why[:300]}.",
        "Go back to a version that worked; if it fails with every input, please report it.",
    )
