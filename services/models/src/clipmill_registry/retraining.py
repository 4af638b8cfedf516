"""Requests for a training that come as events: whoever may ask, and for what, is what the call Train takes too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from clipmill import topics
from clipmill.models.v1 import models_pb2 as pb
from clipmill_registry.domain.names import MODEL
from clipmill_registry.training import Training
from clipmill_shared.askers import Askers
from clipmill_shared.bus import Poison, Subscription
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event, event_id

MAX_REASON = 500


class Retraining:
    """Reads `models.lifecycle`, where the registry itself writes too; that it passes over."""

    def __init__(self, training: Training, askers: Askers, operator: str) -> None:
        self._training = training
        self._askers = askers
        self._operator = operator

    @property
    def subscription(self) -> Subscription:
        return Subscription(topics.MODELS_LIFECYCLE, "models", self.on_lifecycle)

    async def on_lifecycle(self, event: Event[Any]) -> Sequence[Event[Message]]:
        """Note a training, once for an event's id. Poison for what nobody may ask, or nothing can be made of."""
        message: pb.ModelLifecycle = event.message
        if message.WhichOneof("what") != "retraining":
            return ()
        try:
            by = self._askers.owner_of(event)
            if by != self._operator:
                raise ClipmillError("PERMISSION_DENIED", f"{by} is not the operator of models.", "Ask the operator.")
            check_own(message.retraining.dataset.uri, by)
            if not MODEL.fullmatch(message.model):
                raise ClipmillError("INVALID_VERSION", "A model's name has small letters, digits and _.", "Name one.")
            await self._training.begin(_wanted(event, by))
        except ClipmillError as error:
            # What passes (a full queue, an engine that is away) is tried again by the bus.
            if error.retryable:
                raise
            raise Poison(f"{error.code}: {error.message}") from None
        return ()


def check_own(dataset: str, owner_id: str) -> None:
    """PERMISSION_DENIED for a training set of another's."""
    if not dataset.startswith(f"blob:{owner_id}/"):
        raise ClipmillError("PERMISSION_DENIED", "The training set is not the caller's own.", "Export one.")


def _wanted(event: Event[pb.ModelLifecycle], by: str) -> pb.TrainingRun:
    run_id = event_id("retraining", by, event.id)[:16]
    asked = event.message.retraining
    return pb.TrainingRun(
        run_id=run_id,
        model=event.message.model,
        version=f"retrained-{run_id}",
        dataset=asked.dataset,
        by=by,
        request_id=event.id,
        reason=asked.reason[:MAX_REASON],
    )
