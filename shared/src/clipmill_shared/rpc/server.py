"""The process's gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry import trace

from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc.address import is_loopback
from clipmill_shared.rpc.auth import Authenticate, everybody_is_local
from clipmill_shared.rpc.interceptor import CallInterceptor
from clipmill_shared.service import Service

log = structlog.get_logger()
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True)
class RpcLimits:
    """What bounds a server. A call over `max_concurrent_calls` is refused with RESOURCE_EXHAUSTED."""

    max_request_bytes: int = 4 << 20
    # A transcript of ten hours has about 5 MiB.
    max_response_bytes: int = 16 << 20
    max_concurrent_calls: int = 512
    # For unary calls whose caller set none.
    default_deadline_s: float = 60.0
    keepalive_s: float = 30.0
    keepalive_timeout_s: float = 10.0
    stop_grace_s: float = 5.0


@dataclass(frozen=True)
class TlsFiles:
    """The server's certificate with its chain, and its private key, as PEM."""

    certificate: Path
    key: Path

    def credentials(self) -> grpc.ServerCredentials:
        """Error: RPC_TLS_UNUSABLE."""
        try:
            return grpc.ssl_server_credentials([(self.key.read_bytes(), self.certificate.read_bytes())])
        except OSError as error:
            raise ClipmillError(
                "RPC_TLS_UNUSABLE",
                f"{error.filename} cannot be read: {error.strerror}.",
                "CLIPMILL_GRPC_TLS_CERT and CLIPMILL_GRPC_TLS_KEY name PEM files.",
            ) from None


@asynccontextmanager
async def serving(
    services: Sequence[Service],
    address: str,
    *,
    authenticate: Authenticate | None = None,
    tls: TlsFiles | None = None,
    limits: RpcLimits = RpcLimits(),
) -> AsyncIterator[str]:
    """Serve the gRPC services of `services`, which are started, until the context is left; gives the bound address.

    `address` is `unix:/path` or `host:port`, port 0 for a free one. Health (grpc.health.v1) says SERVING for each
    service and for the whole, and NOT_SERVING from when the context is left, while calls in flight have
    `stop_grace_s` to end. Errors: ClipmillError RPC_ADDRESS_REFUSED for an address that others than this machine can
    reach while there is no `authenticate`; RPC_ADDRESS_UNUSABLE; RPC_TLS_UNUSABLE.
    """
    if authenticate is None and not is_loopback(address):
        raise ClipmillError(
            "RPC_ADDRESS_REFUSED",
            f"{address} can be reached from other machines, and no authentication is configured.",
            "Serve on 127.0.0.1 or on a unix: socket, or set CLIPMILL_AUTH_JWKS (`clipmill token key` makes it).",
        )
    if tls is None and not is_loopback(address):
        log.warning("gRPC is served without TLS: tokens cross the network in clear", address=address)
    server = grpc.aio.server(
        interceptors=[*_tracing(), CallInterceptor(authenticate or everybody_is_local, limits.default_deadline_s)],
        options=_options(limits),
        maximum_concurrent_rpcs=limits.max_concurrent_calls,
    )
    for service in services:
        for add in service.servicers:
            add(server)
    names = [name for service in services for name in service.grpc_names]
    condition = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(condition, server)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    for name in ("", *names):
        await condition.set(name, _NOT_SERVING)

    bound = _bind(server, address, tls.credentials() if tls else None)
    await server.start()
    try:
        for name in ("", *names):
            await condition.set(name, _SERVING)
        log.info("gRPC is served", address=bound, services=names)
        yield bound
    finally:
        await condition.enter_graceful_shutdown()
        await server.stop(limits.stop_grace_s)


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    try:
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError as error:
        raise ClipmillError(
            "RPC_ADDRESS_UNUSABLE", f"gRPC cannot be served on {address}.", "Choose an address that is free."
        ) from error
    if address.startswith("unix:"):
        Path(address.removeprefix("unix:")).chmod(0o600)
        return address
    return f"{address.rpartition(':')[0]}:{port}"


def _options(limits: RpcLimits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.max_request_bytes),
        ("grpc.max_send_message_length", limits.max_response_bytes),
        ("grpc.keepalive_time_ms", int(limits.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.keepalive_timeout_s * 1000)),
        # Clients that watch a job ping as well; the default of five minutes would cut them off.
        ("grpc.http2.min_ping_interval_without_data_ms", int(limits.keepalive_timeout_s * 1000)),
        # A port that is taken is an error, not shared.
        ("grpc.so_reuseport", 0),
    ]


def _tracing() -> list[Any]:
    """The tracing interceptor, when traces are exported; it costs its import only then."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return []
    from opentelemetry.instrumentation.grpc import aio_server_interceptor

    return [aio_server_interceptor()]  # type: ignore[no-untyped-call]
