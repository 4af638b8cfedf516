"""A chain of executors: when the first cannot answer, the next does, and says so."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill_shared import metrics
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import Definition, Tensors
from clipmill_shared.inference.executor import OUT_OF_MEMORY, Executor, Inferred

# The executor is at fault, not the request and not the model: elsewhere the same may succeed.
PASSES_ON = frozenset(
    {"TRITON_UNAVAILABLE", "TRITON_MODEL_DEAD", "MODEL_NOT_SERVED", "DEADLINE_EXCEEDED", "INFERENCE_QUEUE_FULL"}
    | {"TRITON_CLIENT_MISSING", "MODEL_LOAD_FAILED", "MODEL_TOO_LARGE", OUT_OF_MEMORY}
)


class Fallback:
    """Asks `executors` in order, the first one anew with every call: what recovers is used again at once.

    A Triton that is down costs a call next to nothing while its breaker is open. The answer's `fallback` says why it is
    not the first one's; the last one's error is the caller's.
    """

    def __init__(self, executors: Sequence[Executor]) -> None:
        self._executors = executors

    async def infer(self, definition: Definition, inputs: Tensors) -> Inferred:
        """See Executor.infer."""
        *before, last = self._executors
        reasons: list[str] = []
        for executor in before:
            try:
                inferred = await executor.infer(definition, inputs)
                break
            except ClipmillError as error:
                if error.code not in PASSES_ON:
                    raise
                metrics.INFERENCE_FALLBACKS.add(1, {"model": definition.name, "code": error.code})
                reasons.append(f"{error.code}: {error.message}")
        else:
            inferred = await last.infer(definition, inputs)
        return inferred._replace(fallback=" ".join(reasons)) if reasons else inferred

    async def close(self) -> None:
        for executor in self._executors:
            await executor.close()
