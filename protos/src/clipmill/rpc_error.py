"""Why a call failed, in words for users."""

from __future__ import annotations

import grpc
import grpc.aio
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

DOMAIN = "clipmill"


class ClipmillRpcError(Exception):
    """A call that failed: a stable `code`, a `message` that names the thing, a `remedy` that says what to do.

    `status` is the gRPC status, None where the client itself found the fault. `retry_after_s` is when the server says
    that another try may do.
    """

    def __init__(
        self,
        code: str,
        message: str,
        remedy: str,
        status: grpc.StatusCode | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.status = status
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"

    @property
    def is_full(self) -> bool:
        """True when the server takes no more for now, and says when to come back."""
        return self.status is grpc.StatusCode.RESOURCE_EXHAUSTED and self.retry_after_s is not None

    @property
    def may_pass(self) -> bool:
        """True when the server or the way to it is at fault for now, so that the same call may succeed later."""
        return self.status in _PASSING


# A server that stops cancels the streams that outlast its grace.
_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)

_OTHERS = {
    grpc.StatusCode.UNAVAILABLE: (
        "Clipmill cannot be reached at {address}.",
        "Check that it runs and that the address is right.",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        "Clipmill at {address} did not answer in time.",
        "Try again, or call with a longer deadline.",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: ("Clipmill at {address} is busy or was sent too much.", "Try again later."),
}


def error_of(error: grpc.aio.AioRpcError, address: str) -> ClipmillRpcError:
    """The error of a failed call: the server's own words, or what its gRPC status means."""
    status = error.code()
    info, retry_after_s = _details(error)
    if info is not None:
        return ClipmillRpcError(
            info.reason, error.details() or "", info.metadata["remedy"], status, retry_after_s=retry_after_s
        )
    message, remedy = _OTHERS.get(
        status, (f"The call failed: {error.details()}.", "Check that client and server are of one version.")
    )
    return ClipmillRpcError(status.name, message.format(address=address), remedy, status)


def _details(error: grpc.aio.AioRpcError) -> tuple[ErrorInfo | None, float | None]:
    """What the server says of the reason, and of when to try again."""
    try:
        status = rpc_status.from_call(error) or Status()
    except ValueError:  # An intermediary changed the status.
        return None, None
    found, retry_after_s = None, None
    for detail in status.details:
        info, retry = ErrorInfo(), RetryInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            found = info
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
    return found, retry_after_s
