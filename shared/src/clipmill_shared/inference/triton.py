"""The Triton executor: models on a Triton Inference Server, by gRPC.

Inference changes nothing, so what broke off in the middle is asked once more. A server that lost a model, or whose
process for it died (it goes on to call that model ready), is told to load it anew. NVIDIA's client does the talking.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from numpy.typing import NDArray
from tritonclient.grpc import aio as grpc_client
from tritonclient.utils import InferenceServerException

from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.breaker import Breaker
from clipmill_shared.inference.checks import check_outputs, rows_of
from clipmill_shared.inference.definition import Definition, Tensor, Tensors
from clipmill_shared.inference.executor import Inferred, load_failed, queue_full
from clipmill_shared.inference.triton_errors import (
    DEAD_MODEL,
    NO_MODEL,
    TritonUnavailableError,
    deadline_exceeded,
    meaning,
)
from clipmill_shared.inference.triton_regions import Regions

log = structlog.get_logger()
AGAIN_S = 0.1
# What is asked again: nothing was answered, and asking twice changes nothing.
_BROKE_OFF = frozenset({"TRITON_UNAVAILABLE", NO_MODEL, DEAD_MODEL})
_COUNTS_AS_FAILURE = _BROKE_OFF | {"DEADLINE_EXCEEDED"}


@dataclass(frozen=True)
class TritonOptions:
    """`deadline_s` is a call's whole time, waiting included; `in_flight` calls are sent at a time.

    Inputs of `shared_from_bytes` and more go by shared memory, which the server must see: on this machine, and if it is
    in a container, with its IPC namespace. None: all by gRPC.
    """

    in_flight: int = 64
    max_waiting: int = 1024
    deadline_s: float = 30.0
    load_s: float = 120.0
    breaker_failures: int = 5
    breaker_pause_s: float = 1.0
    shared_from_bytes: int | None = None
    shared_at_most_bytes: int = 256 << 20


@dataclass(eq=False)
class _Served:
    """What is known of a model on the server."""

    breaker: Breaker
    # Done when the server was seen to serve this version; None before, and when that may have changed.
    seen: asyncio.Task[None] | None = None


class Triton:
    """Runs definitions on the server at `address` (host:port). One a process; for one event loop."""

    def __init__(self, address: str, options: TritonOptions = TritonOptions()) -> None:
        self._address = address
        self._options = options
        self._client = grpc_client.InferenceServerClient(address)
        self._regions = Regions(self._client, options.shared_at_most_bytes)
        self._in_flight = asyncio.Semaphore(options.in_flight)
        self._waiting = 0
        self._models: dict[tuple[str, str], _Served] = {}

    async def infer(self, definition: Definition, inputs: Tensors) -> Inferred:
        """See Executor.infer. `compute_s` is the server's whole time with its queue, which it does not tell apart."""
        rows = rows_of(definition, inputs)
        began = time.perf_counter()
        if self._in_flight.locked():
            await self._wait(definition, began)
        else:
            await self._in_flight.acquire()
        try:
            sent = time.perf_counter()
            outputs = await self._ask(definition, inputs, began + self._options.deadline_s)
        finally:
            self._in_flight.release()
        check_outputs(definition, outputs, rows)
        return Inferred(outputs, definition.version, "triton", sent - began, time.perf_counter() - sent, rows)

    async def unload(self, definition: Definition) -> None:
        """Have the server give up a model; TritonUnavailableError, MODEL_LOAD_FAILED when it is not to be told."""
        self._models.pop(definition.key, None)
        try:
            await self._client.unload_model(definition.name, client_timeout=self._options.load_s)
        except InferenceServerException as error:
            raise meaning(error, definition, self._address, self._options.load_s) from None

    async def close(self) -> None:
        """Stop: calls in flight fail."""
        for served in self._models.values():
            if served.seen is not None:
                served.seen.cancel()
        # A server that is gone has forgotten them.
        with suppress(InferenceServerException):
            await self._regions.close()
        await self._client.close()

    async def _wait(self, definition: Definition, began: float) -> None:
        """Until a call may be sent; bounded in number and in time."""
        if self._waiting >= self._options.max_waiting:
            raise queue_full(definition, f"for Triton at {self._address}")
        self._waiting += 1
        try:
            async with asyncio.timeout(began + self._options.deadline_s - time.perf_counter()):
                await self._in_flight.acquire()
        except TimeoutError:
            raise deadline_exceeded(definition, self._address, self._options.deadline_s) from None
        finally:
            self._waiting -= 1

    async def _ask(self, definition: Definition, inputs: Tensors, until: float) -> Tensors:
        """Outputs, of the second try if the first one broke off."""
        served = self._models.get(definition.key)
        if served is None:
            breaker = Breaker(self._options.breaker_failures, self._options.breaker_pause_s)
            served = self._models[definition.key] = _Served(breaker)
        if not served.breaker.lets_through():
            raise TritonUnavailableError(self._address, f"{definition.name} failed several times in a row")
        try:
            try:
                outputs = await self._once(definition, served, inputs, until)
            except ClipmillError as error:
                if error.code not in _BROKE_OFF or until - time.perf_counter() < AGAIN_S:
                    raise
                served.seen = None
                if error.code != DEAD_MODEL:
                    # It may be another server by now, which knows none of our memory.
                    self._regions.forget()
                await asyncio.sleep(AGAIN_S)
                outputs = await self._once(definition, served, inputs, until, is_dead=error.code == DEAD_MODEL)
        except ClipmillError as error:
            if error.code in _BROKE_OFF:
                served.seen = None
            if error.code in _COUNTS_AS_FAILURE:
                served.breaker.failed()
            raise
        served.breaker.succeeded()
        return outputs

    async def _once(
        self, definition: Definition, served: _Served, inputs: Tensors, until: float, *, is_dead: bool = False
    ) -> Tensors:
        if served.seen is None or not served.seen.done() or served.seen.cancelled() or served.seen.exception():
            await self._see(definition, served, until, is_dead=is_dead)
        left_s = until - time.perf_counter()
        if left_s <= 0:
            raise deadline_exceeded(definition, self._address, self._options.deadline_s)
        given, held = [], []
        try:
            for tensor in definition.signature.inputs:
                array = inputs[tensor.name]
                sent = grpc_client.InferInput(tensor.name, array.shape, tensor.dtype)
                region = None
                if self._is_to_be_shared(tensor, array):
                    region = await self._regions.take(array.nbytes, left_s)
                if region is None:
                    sent.set_data_from_numpy(array)
                else:
                    held.append(region)
                    region.fill(array)
                    sent.set_shared_memory(region.name, array.nbytes)
                given.append(sent)
            # What is given up here the server drops as well, if it waits there: its own timeouts are not needed.
            answer = await self._client.infer(definition.name, given, client_timeout=left_s)
        except InferenceServerException as error:
            raise meaning(error, definition, self._address, self._options.deadline_s) from None
        finally:
            for region in held:
                self._regions.give_back(region)
        return {tensor.name: answer.as_numpy(tensor.name) for tensor in definition.signature.outputs}

    def _is_to_be_shared(self, tensor: Tensor, array: NDArray[Any]) -> bool:
        least = self._options.shared_from_bytes
        return least is not None and array.nbytes >= least and tensor.dtype != "BYTES"

    async def _see(self, definition: Definition, served: _Served, until: float, *, is_dead: bool) -> None:
        """Wait until the server is seen to serve this version; the first who asks looks, for all."""
        if served.seen is None or served.seen.done():
            served.seen = asyncio.create_task(self._look(definition, is_dead=is_dead))
        try:
            async with asyncio.timeout(until - time.perf_counter()):
                # Who gives up does not stop it for the others.
                await asyncio.shield(served.seen)
        except TimeoutError:
            raise deadline_exceeded(definition, self._address, self._options.deadline_s) from None

    async def _look(self, definition: Definition, *, is_dead: bool) -> None:
        name, load_s = definition.name, self._options.load_s
        try:
            if is_dead:
                log.warning("a model died on Triton and is loaded anew", model=name, triton=self._address)
                await self._client.unload_model(name, client_timeout=load_s)
                await self._client.load_model(name, client_timeout=load_s)
            try:
                config = await self._client.get_model_config(name, client_timeout=load_s)
            except InferenceServerException as error:
                if meaning(error, definition, self._address, load_s).code != NO_MODEL:
                    raise
                await self._client.load_model(name, client_timeout=load_s)
                config = await self._client.get_model_config(name, client_timeout=load_s)
        except InferenceServerException as error:
            if "load failed" in str(error.message()) or "failed to load" in str(error.message()):
                raise load_failed(definition, str(error.message())) from None
            raise meaning(error, definition, self._address, load_s) from None
        there = config.config.parameters["version"].string_value
        if there != definition.version:
            raise load_failed(definition, f"Triton at {self._address} serves {there or 'no version of ours'}")
