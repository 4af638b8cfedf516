"""Which engines a process stands on. Environment: CLIPMILL_<NAME>."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from clipmill_shared.settings import Settings


def default_data_dir() -> Path:
    """The user's data folder of the platform (Linux: ~/.local/share/clipmill)."""
    return platformdirs.user_data_path("clipmill", appauthor=False)


class PlatformSettings(Settings):
    """Where the bus, the databases and the blobs are, and where this process is reached.

    What is left empty lies in the data folder, so that a machine of one's own needs nothing but Kafka.
    """

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Where everything lies that is kept on this machine."
    )
    kafka_bootstrap: str = Field(
        "",
        pattern=r"^([^,\s]+:\d+(,[^,\s]+:\d+)*)?$",
        description="Kafka's address, host:port, or several with commas between them.",
    )
    kafka_prefix: str = Field("", description="Goes before every topic and group, so that systems can share a cluster.")
    sql_url: str = Field(
        "",
        pattern=r"^((sqlite\+aiosqlite|postgresql\+asyncpg)://.+)?$",
        description="postgresql+asyncpg://role:password@host/database or sqlite+aiosqlite:///file, with {service} in "
        "it where services differ; empty: SQLite files in the data folder.",
    )
    blobs_url: str = Field(
        "",
        pattern=r"^((file|s3|gs|az|memory):.+)?$",
        description="file:///folder, s3://bucket/prefix or memory:///; empty: a folder in the data folder.",
    )
    redis_url: str = Field(
        "",
        pattern=r"^((redis|rediss|unix)://.+)?$",
        description="redis://host:port/number; empty: caches and rate limits are in memory.",
    )
    import_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders whose videos may be submitted by path, with : between them; none: uploads only."
    )
    grpc_address: str = Field(
        "127.0.0.1:7431",
        pattern=r"^(unix:.+|.+:\d+)$",
        description="Where gRPC is served, host:port or unix:/path; beyond this machine with authentication only.",
    )
    grpc_tls_cert: Path | None = Field(None, description="The certificate that gRPC is served with, PEM; none: no TLS.")
    grpc_tls_key: Path | None = Field(None, description="The private key of that certificate, PEM.")
    http_address: str = Field(
        "",
        pattern=r"^(.+:\d+)?$",
        description="Where /healthz, /readyz and /metrics are served, host:port; empty: nowhere.",
    )
    auth_jwks: Path | None = Field(
        None,
        description="The public keys (JWKS) by which owners' tokens are verified, as `clipmill token key` makes them; "
        "none: who reaches this process is the one local owner.",
    )
    migrations: Literal["auto", "check"] = Field(
        "auto", description="auto: databases are migrated at start; check: a start on an old schema is refused."
    )

    @field_validator("import_roots", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, value.split(os.pathsep))) if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.grpc_tls_cert is None) != (self.grpc_tls_key is None):
            raise ValueError("grpc_tls_cert and grpc_tls_key go together: set both or neither")
        return self

    @property
    def home(self) -> Path:
        """What the services of this machine keep. Apart from the results of `clipmill run`, which may be swept."""
        return self.data_dir / "up"

    @property
    def effective_sql_url(self) -> str:
        return self.sql_url or f"sqlite+aiosqlite:///{self.home}/sql/{{service}}.sqlite"

    @property
    def effective_blobs_url(self) -> str:
        return self.blobs_url or (self.home / "blobs").as_uri()
