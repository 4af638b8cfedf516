"""What Triton's errors mean to a caller."""

from __future__ import annotations

from grpc import StatusCode
from tritonclient.utils import InferenceServerException

from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import Definition
from clipmill_shared.inference.executor import load_failed, model_failed, out_of_memory, queue_full

NO_MODEL, DEAD_MODEL = "MODEL_NOT_SERVED", "TRITON_MODEL_DEAD"


class TritonUnavailableError(ClipmillError):
    """The server, or the process in which it runs a model, does not answer."""

    def __init__(self, address: str, why: str, code: str = "TRITON_UNAVAILABLE") -> None:
        super().__init__(
            code,
            f"Triton at {address} does not answer: {' '.join(why.split())[:200]}.",
            "Try again in a few seconds; if it lasts, see that the server runs and has the model.",
            retryable=True,
        )


def deadline_exceeded(definition: Definition, address: str, deadline_s: float) -> ClipmillError:
    return ClipmillError(
        "DEADLINE_EXCEEDED",
        f"The model {definition.name} on Triton at {address} did not answer within {deadline_s:g} s.",
        "Try again, or give it more time.",
        retryable=True,
    )


def meaning(error: InferenceServerException, definition: Definition, address: str, deadline_s: float) -> ClipmillError:
    """The error that a caller gets. A full queue and a wait that was too long have one status, and differ in text."""
    status, text = str(error.status()), str(error.message())
    if status == str(StatusCode.NOT_FOUND) or "is not ready" in text or "has no available versions" in text:
        return TritonUnavailableError(address, text, NO_MODEL)
    if "Stub process" in text or "stub process" in text:
        return TritonUnavailableError(address, text, DEAD_MODEL)
    if "Exceeds maximum queue size" in text:
        return queue_full(definition, f"on Triton at {address}")
    if "out of memory" in text.lower() or "Failed to allocate memory" in text:
        return out_of_memory(definition, f"on Triton at {address}")
    if "Unable to find shared memory region" in text:
        # It was restarted since.
        return TritonUnavailableError(address, text)
    if status == str(StatusCode.DEADLINE_EXCEEDED) or "timeout expired" in text.lower():
        return deadline_exceeded(definition, address, deadline_s)
    if status in (str(StatusCode.UNAVAILABLE), str(StatusCode.CANCELLED), str(StatusCode.UNKNOWN)):
        return TritonUnavailableError(address, text)
    if status == str(StatusCode.INVALID_ARGUMENT):
        # The inputs are what our signature says, so the server's says something else.
        return load_failed(definition, f"Triton at {address} serves another signature: {text}")
    return model_failed(definition, text)
