"""Errors on the wire: a ClipmillError becomes a google.rpc.Status with its code, message and remedy."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo, Help, RetryInfo
from google.rpc.status_pb2 import Status

from clipmill_shared.errors import ClipmillError

DOMAIN = "clipmill"
RETRY_AFTER_S = 2
DETAILS_KEY = "grpc-status-details-bin"
# Peers refuse trailers over 8 KiB, and a path alone may have 4: a message may grow threefold by escaping.
MAX_MESSAGE_BYTES = 1024
MAX_REMEDY_BYTES = 512

_CODES = {
    "UNAUTHENTICATED": grpc.StatusCode.UNAUTHENTICATED,
    "PERMISSION_DENIED": grpc.StatusCode.PERMISSION_DENIED,
    "QUEUE_FULL": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "RATE_LIMITED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "INFERENCE_QUEUE_FULL": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "DISK_FULL": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "DEADLINE_EXCEEDED": grpc.StatusCode.DEADLINE_EXCEEDED,
}


def status_code_of(error: ClipmillError) -> grpc.StatusCode:
    """The gRPC code of an error, by the form of its own code."""
    if known := _CODES.get(error.code):
        return known
    if error.code.startswith(("INPUT_", "INVALID_")):
        return grpc.StatusCode.INVALID_ARGUMENT
    if error.code.endswith("NOT_FOUND"):
        return grpc.StatusCode.NOT_FOUND
    return grpc.StatusCode.UNAVAILABLE if error.retryable else grpc.StatusCode.INTERNAL


def status_of(error: ClipmillError, part: str) -> Status:
    """The status with its details: ErrorInfo always, Help with the remedy, RetryInfo where another try may do."""
    code = status_code_of(error)
    message, remedy = _cut(error.message, MAX_MESSAGE_BYTES), _cut(error.remedy, MAX_REMEDY_BYTES)
    details = [
        ErrorInfo(reason=error.code, domain=DOMAIN, metadata={"part": part, "remedy": remedy}),
        Help(links=[Help.Link(description=remedy)]),
    ]
    if error.retryable:
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(round(1000 * (error.retry_after_s or RETRY_AFTER_S)))
        details.append(retry)
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def unexpected() -> ClipmillError:
    """What a caller is told of an error that is the server's own: nothing of its text, which may hold anything."""
    return ClipmillError(
        "INTERNAL",
        "The server failed in a way it does not know.",
        "Try again; if it fails again, please report it with the server's log.",
    )


def deadline_exceeded(seconds: float) -> ClipmillError:
    return ClipmillError(
        "DEADLINE_EXCEEDED",
        f"The call took longer than {seconds:g} s, which is the most without a deadline of its own.",
        "Try again, or call with a longer deadline.",
    )


def _cut(text: str, limit_bytes: int) -> str:
    """`text` in at most `limit_bytes` of UTF-8, without its middle: a path's end and the sentence's begin say most."""
    content = text.encode(errors="replace")
    if len(content) <= limit_bytes:
        return text.encode(errors="replace").decode()
    half = limit_bytes // 2 - 2
    return content[:half].decode(errors="ignore") + "…" + content[-half:].decode(errors="ignore")
