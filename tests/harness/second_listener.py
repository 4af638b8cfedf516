"""A second way into a test's Kafka, which leads through a proxy."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path


def second_listener(proxied_port: int, proxy_port: int) -> Callable[[Path], None]:
    """Adjusts a broker's settings (see harness.kafka.Broker): it listens on `proxied_port`, too, and tells those who
    come there that its address is `proxy_port`, so that all they say passes the proxy that listens there."""

    def adjust(settings: Path) -> None:
        lines = dict(line.split("=", 1) for line in settings.read_text().split())
        lines["listeners"] += f",PROXIED://127.0.0.1:{proxied_port}"
        lines["advertised.listeners"] += f",PROXIED://127.0.0.1:{proxy_port}"
        lines["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
        lines["inter.broker.listener.name"] = "PLAINTEXT"
        settings.write_text("\n".join(f"{name}={value}" for name, value in lines.items()))

    return adjust


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return int(any_socket.getsockname()[1])
