"""What every call goes through: identity, a deadline, and errors that the caller can act on."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc.aio
import structlog

from clipmill_shared import metrics
from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc import auth
from clipmill_shared.rpc.errors import DETAILS_KEY, deadline_exceeded, status_code_of, status_of, unexpected
from clipmill_shared.sql import patience_s

log = structlog.get_logger()
# A caller would rather hear that the database is away than wait for it.
DATABASE_PATIENCE_S = 5.0
# Probes have no token, and learn nothing but that the server serves.
OPEN_TO_ALL = "/grpc.health.v1.Health/"


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Names the owner, bounds unary calls that come without a deadline, and turns exceptions into statuses.

    An unexpected exception is logged with its trace and told to the caller as INTERNAL, without its text.
    """

    def __init__(self, authenticate: auth.Authenticate, default_deadline_s: float) -> None:
        self._authenticate = authenticate
        self._default_deadline_s = default_deadline_s

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        call = _Call(handler_call_details.method, self._authenticate)
        if handler.response_streaming:
            behavior = handler.stream_stream if handler.request_streaming else handler.unary_stream
            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            wrapped: Any = call.streaming(behavior)
        elif handler.request_streaming:
            # An upload lasts as long as it needs.
            make, wrapped = grpc.stream_unary_rpc_method_handler, call.unary(handler.stream_unary, None)
        else:
            make = grpc.unary_unary_rpc_method_handler
            wrapped = call.unary(handler.unary_unary, self._default_deadline_s)
        return make(wrapped, handler.request_deserializer, handler.response_serializer)


class _Call:
    """One call of a method."""

    def __init__(self, method: str, authenticate: auth.Authenticate) -> None:
        self._method = method
        self._authenticate = authenticate
        # "/clipmill.catalog.v1.CatalogService/GetClip" is part of "catalog".
        self._part = method.split("/")[1].rsplit(".", 1)[-1].removesuffix("Service").lower()

    def unary(self, behavior: Any, default_deadline_s: float | None) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            limit_s = default_deadline_s if context.time_remaining() is None else None
            try:
                with self._measured():
                    async with asyncio.timeout(limit_s) as deadline:
                        self._enter(context)
                        return await behavior(request, context)
            except Exception as error:
                too_long = limit_s is not None and deadline.expired()
                await self._abort(context, deadline_exceeded(limit_s or 0) if too_long else error)

        return answer

    def streaming(self, behavior: Any) -> Any:
        async def answers(request: Any, context: Any) -> AsyncIterator[Any]:
            try:
                with self._measured():
                    self._enter(context)
                    stream = behavior(request, context)
                    if inspect.isawaitable(stream):
                        # gRPC's own health servicer writes to the context instead of yielding.
                        await stream
                        return
                    async for answer in stream:
                        yield answer
            except Exception as error:
                await self._abort(context, error)

        return answers

    @contextmanager
    def _measured(self) -> Iterator[None]:
        began, code = time.monotonic(), "OK"
        try:
            yield
        except BaseException as error:
            code = _name_of(error)
            raise
        finally:
            metrics.RPC_S.record(time.monotonic() - began, {"method": self._method, "code": code})

    def _enter(self, context: Any) -> None:
        structlog.contextvars.bind_contextvars(rpc=self._method)
        patience_s.set(DATABASE_PATIENCE_S)
        if not self._method.startswith(OPEN_TO_ALL):
            auth.enter(self._authenticate(context.invocation_metadata() or ()))

    async def _abort(self, context: Any, error: Exception) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        if not isinstance(error, ClipmillError):
            log.error("a call failed unexpectedly", rpc=self._method, exc_info=error)
            error = unexpected()
        status = status_of(error, self._part)
        details = ((DETAILS_KEY, status.SerializeToString()),)
        # Not abort_with_status: the tracing interceptor's context knows only this one.
        await context.abort(status_code_of(error), status.message, details)
        raise AssertionError("abort raises")


def _name_of(error: BaseException) -> str:
    """The name of the status code that an error of a call leads to."""
    if isinstance(error, ClipmillError):
        return status_code_of(error).name
    if isinstance(error, TimeoutError):
        return grpc.StatusCode.DEADLINE_EXCEEDED.name
    is_cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit)
    return (grpc.StatusCode.CANCELLED if is_cancelled else grpc.StatusCode.INTERNAL).name
