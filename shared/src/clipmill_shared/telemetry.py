"""Logs, traces and metrics: configured once a process, by the composition root.

Everything else uses structlog and the OpenTelemetry API, which cost next to nothing until this turns them on. The SDK
and its exporters are imported only when something is exported: they take a third of a second.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from pathlib import Path
from typing import Literal

import structlog
from opentelemetry import trace
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from structlog.typing import EventDict, Processor, WrappedLogger

from clipmill_shared.settings import Settings

LOG_FILE_BYTES = 5 << 20
LOG_FILES = 3


class TelemetrySettings(Settings):
    """What is told about the work, and where."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Less than this is not logged.")
    otlp_endpoint: str = Field(
        "",
        description="Where traces go by OTLP over gRPC, http://host:4317; none: where OTEL_EXPORTER_OTLP_ENDPOINT "
        "says, or nowhere.",
    )
    trace_share: float = Field(
        0.01, ge=0, le=1, description="Share of traces that are sampled where no caller has decided."
    )


def configure_logging(level: str, file: Path | None = None) -> None:
    """Log JSON lines, into `file` (rotated, at most 20 MiB in all) or else to standard error; to a terminal, words."""
    handler: logging.Handler
    form: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if file is None:
        handler = logging.StreamHandler(sys.stderr)
        if sys.stderr.isatty():
            form = [structlog.dev.ConsoleRenderer()]
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
                *form,
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


def configure_exporters(settings: TelemetrySettings, service: str, *, with_metrics: bool = False) -> None:
    """Export traces where the settings say; with `with_metrics` collect the metrics that `metrics_page` shows."""
    endpoint = settings.otlp_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint and not with_metrics:
        return
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create({"service.name": service, "service.namespace": "clipmill"})
    if endpoint:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

        provider = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(settings.trace_share))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        trace.set_tracer_provider(provider)
        from clipmill_shared.bus.tracing import begin_traces

        begin_traces(settings.trace_share)
    if with_metrics:
        from opentelemetry import metrics
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider

        metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[PrometheusMetricReader()]))


def metrics_page() -> tuple[bytes, str]:
    """What Prometheus scrapes: the text and its content type. Empty of metrics before `configure_exporters`."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(), CONTENT_TYPE_LATEST


def _add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event
