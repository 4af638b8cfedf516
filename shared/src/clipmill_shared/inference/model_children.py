"""Child processes that run models: here or on Triton, as the platform says. The service's side of `apart`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill_shared import metrics
from clipmill_shared.cautions import STOOD_IN, caution, count_inferences, may_be_handed_on, note_versions, pinned_here
from clipmill_shared.compute import Children
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.configured import Answered, Asked, Inference
from clipmill_shared.inference.log import InferenceLog
from clipmill_shared.inference.pins import Pins
from clipmill_shared.inference.stand_ins import NOT_HERE, Choice, StandIns


class ModelChildren(Children):
    """Children whose function is `apart.with_models`. What fell back is counted, and said in the task's result.

    With `pins` models run by the versions that the task pins, or what stands in for those, which is said.
    """

    def __init__(
        self,
        function: str,
        slots: int,
        inference: Inference,
        log: InferenceLog | None = None,
        *,
        pins: Pins | None = None,
        **options: Any,
    ) -> None:
        super().__init__(function, slots, **options)
        self._inference = inference
        self._log = log
        self._pins = pins
        self._stand_ins = StandIns()

    async def run(self, request: object, report: Callable[[float], None] = lambda _: None) -> object:
        """See Children.run. Errors: PINNED_VERSION_GONE, ARTEFACT_DAMAGED."""
        choices = self._stand_ins.choices(pinned_here()) if self._pins else ()
        first: ClipmillError | None = None
        while True:
            try:
                answered = await self._asked(request, choices, report)
                break
            except ClipmillError as error:
                first = first or error
                others = self._stand_ins.instead(choices, error)
                if others is None:
                    raise first from None
                if error.code == NOT_HERE and may_be_handed_on():
                    # In the middle of an upgrade another worker may have it.
                    error.retryable = True
                    raise
                choices = others
        for choice in self._stand_ins.answered(choices, answered.versions):
            metrics.INFERENCE_FALLBACKS.add(1, {"model": choice.pinned.model, "code": choice.code})
            caution(Caution(code=STOOD_IN, message=choice.said))
        count_inferences(answered.inferences)
        # What its own package answers a part names itself.
        own = {
            each.pinned.model
            for each in choices
            if each.version is each.pinned and not each.version.HasField("artefact")
        }
        note_versions({model: version for model, version in answered.versions.items() if model not in own})
        for fell_back in answered.fell_back:
            metrics.INFERENCE_FALLBACKS.add(fell_back.calls, {"model": fell_back.model, "code": fell_back.code})
            # Without their number: what is the same of every part of a video is said once.
            caution(Caution(code="MODEL_FELL_BACK", message=fell_back.message))
        if self._log is not None:
            for call in answered.calls:
                self._log.note(call)
        return answered.value

    async def _asked(self, request: object, choices: Sequence[Choice], report: Callable[[float], None]) -> Answered:
        pins = await self._pins.of([choice.version for choice in choices]) if self._pins else ()
        answered = await super().run(Asked(request, self._inference, pins), report)
        assert isinstance(answered, Answered)
        return answered
