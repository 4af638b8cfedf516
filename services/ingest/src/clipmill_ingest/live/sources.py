"""What a live source is read from, in the child: files that grow, pipes, and FFmpeg's own clients."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from clipmill_ingest import faults, probe
from clipmill_ingest.live.exchange import RecordRequest, Way
from clipmill_shared.errors import ClipmillError

LOOK_S = 0.05
# Of FLV it else looks at 90 s before it says which tracks there are.
LOOK_SHORTLY = {"analyzeduration": "3000000"}
# FFmpeg's own clients, over TCP alone. The address has been allowed by the operator.
ADDRESS_OPTIONS = {
    **LOOK_SHORTLY,
    "format_whitelist": "flv,live_flv,rtsp,rtp,sdp,mpegts",
    "protocol_whitelist": "tcp,tls,rtmp,rtmps,rtsp,rtsps,rtp,crypto",
    "rtsp_transport": "tcp",
    "rtsp_flags": "prefer_tcp",
}
CONNECT_S = 10.0


class Growing:
    """A file as it is written: reading waits for more, until nothing has come for `idle_s` or `is_over` says so.

    A pipe ends when its writer closes it. Not seekable: FFmpeg would look at an end that is not there yet.
    """

    def __init__(self, path: Path, idle_s: float, is_over: Callable[[], bool]) -> None:
        # Opening a pipe whose writer is gone already would wait for ever.
        self._file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        self._is_pipe = stat.S_ISFIFO(os.fstat(self._file.fileno()).st_mode)
        self._idle_s = idle_s
        self._is_over = is_over
        self.came = False

    def read(self, size: int) -> bytes:
        until = time.monotonic() + self._idle_s
        while not (more := self._file.read(size)):
            # A pipe gives nothing at its end, and None while its writer has nothing to say.
            has_ended = more is not None if self._is_pipe else time.monotonic() >= until
            if has_ended or self._is_over():
                return b""
            time.sleep(LOOK_S)
        self.came = True
        return more

    def close(self) -> None:
        self._file.close()


@contextmanager
def opened(request: RecordRequest, is_over: Callable[[], bool]) -> Iterator[InputContainer]:
    """The source's container.

    Errors: INPUT_UNREADABLE, INPUT_NOT_LIVE, INPUT_LIVE_SILENT; av.FFmpegError of an address that does not answer.
    """
    if request.way is Way.ADDRESS:
        # A connection that has died without a word is made anew before the source counts as ended.
        timeout = (min(CONNECT_S, request.idle_s), request.idle_s / 3)
        with av.open(request.address, options=ADDRESS_OPTIONS, timeout=timeout) as container:
            yield container
        return
    try:
        reader = Growing(Path(request.address), request.idle_s, is_over)
    except OSError as error:
        raise ClipmillError(
            "INPUT_UNREADABLE", f"{request.name} cannot be read: {error.strerror}.", "Check its name."
        ) from None
    try:
        with _container(request, reader) as container:
            yield container
    finally:
        reader.close()


def _container(request: RecordRequest, reader: Growing) -> InputContainer:
    try:
        container: InputContainer = av.open(
            reader, options={**probe.OPTIONS, **LOOK_SHORTLY}, metadata_errors="replace"
        )  # type: ignore[assignment]
        return container
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, MemoryError):
            raise
        if reader.came:
            raise faults.not_live(request.name) from None
        raise faults.nothing_came(request.name, request.idle_s) from None
