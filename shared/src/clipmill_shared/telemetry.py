"""Logs, traces and metrics: configured once a process, by the composition root.

Everything else uses structlog and the OpenTelemetry API, which cost next to nothing until this turns them on. The SDK
and its exporters are imported only when something is exported: they take a third of a second.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

import structlog
from opentelemetry import trace
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.typing import EventDict, Processor, WrappedLogger

LOG_FILE_BYTES = 5 << 20
LOG_FILES = 3


class TelemetrySettings(BaseSettings):
    """Environment: CLIPMILL_LOG_LEVEL, CLIPMILL_METRICS_PORT, and OpenTelemetry's own OTEL_* variables."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    # Prometheus scrapes http://127.0.0.1:PORT/metrics; none when absent.
    metrics_port: int | None = Field(None, ge=1, le=65535)
    # Share of traces that are sampled where no caller has decided.
    trace_share: float = Field(0.01, ge=0, le=1)


def configure_logging(level: str, file: Path | None = None) -> None:
    """Log JSON lines, into `file` (rotated, at most 20 MiB in all) or else to standard error."""
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=LOG_FILE_BYTES, backupCount=LOG_FILES)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        _add_trace_id,
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def configure_exporters(settings: TelemetrySettings, service: str, environment: dict[str, str]) -> None:
    """Export traces where OTEL_EXPORTER_OTLP_ENDPOINT says, and metrics where CLIPMILL_METRICS_PORT says."""
    if not environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") and settings.metrics_port is None:
        return
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create({"service.name": service, "service.namespace": "clipmill"})
    if environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

        provider = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(settings.trace_share))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    if settings.metrics_port is not None:
        from opentelemetry import metrics
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from prometheus_client import start_http_server

        metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[PrometheusMetricReader()]))
        start_http_server(settings.metrics_port, addr="127.0.0.1")


def _add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event
