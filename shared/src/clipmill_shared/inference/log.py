"""`inference.logs`: a sample of the calls of models, sent beside them and never waited for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

import structlog
from opentelemetry import trace

from clipmill import topics
from clipmill.models.v1.models_pb2 import InferenceRecord
from clipmill_shared import metrics
from clipmill_shared.bus import Bus
from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event
from clipmill_shared.inference.configured import Call

log = structlog.get_logger()
MAX_WAITING = 1000
# The owner of messages that are about the system itself.
SYSTEM_OWNER = "clipmill"


class InferenceLog:
    """The log of a part. What the bus does not take quickly enough is dropped and counted; `loops` send the rest."""

    def __init__(self, bus: Bus, part: str, share: float) -> None:
        self._bus = bus
        self._part = part
        self._waiting: asyncio.Queue[InferenceRecord] = asyncio.Queue(MAX_WAITING)
        self.dropped = 0
        self.loops: Sequence[Callable[[], Awaitable[None]]] = (self._send,) if share else ()

    @property
    def waiting(self) -> int:
        """Records that are not sent yet."""
        return self._waiting.qsize()

    def note(self, call: Call) -> None:
        """Have a call recorded, under the trace that is current here."""
        context = trace.get_current_span().get_span_context()
        record = InferenceRecord(
            model=call.model,
            version=call.version,
            part=self._part,
            executor=call.executor,
            queue_s=call.queue_s,
            compute_s=call.compute_s,
            rows=call.rows,
            batch_rows=call.batch_rows,
            confidence=call.confidence,
            inputs=call.inputs,
            fallback=call.fallback,
            trace_id=f"{context.trace_id:032x}" if context.is_valid else "",
        )
        record.at.FromNanoseconds(round(call.at_s * 1e9))
        try:
            self._waiting.put_nowait(record)
        except asyncio.QueueFull:
            self._drop()

    async def _send(self) -> None:
        while True:
            record = await self._waiting.get()
            event = Event(topics.INFERENCE_LOGS, record, secrets.token_hex(16), SYSTEM_OWNER, f"/{self._part}")
            try:
                await self._bus.publish(event)
            except ClipmillError as error:
                log.warning("a record of a model's call is lost", part=self._part, code=error.code)
                self._drop()

    def _drop(self) -> None:
        self.dropped += 1
        metrics.INFERENCE_RECORDS_DROPPED.add(1, {"part": self._part})
