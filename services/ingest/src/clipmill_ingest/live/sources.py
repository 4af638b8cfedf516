"""What a live source is read from, in the child: files that grow, pipes, and FFmpeg's own clients."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
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
        self._first = b""
        self.came = False

    def begins(self) -> bool:
        """Wait for its first bytes. False when it ends without any."""
        self._first = self.read(1)
        return self.came

    def read(self, size: int) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
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


@dataclass(frozen=True)
class Opened:
    """The containers of the picture and of the sound: one and the same, as a rule."""

    picture: InputContainer
    sound: InputContainer


@contextmanager
def opened(request: RecordRequest, is_over: Callable[[], bool]) -> Iterator[Opened]:
    """The source's containers.

    Errors: INPUT_UNREADABLE, INPUT_NOT_LIVE, INPUT_LIVE_SILENT; av.FFmpegError of an address that does not answer.
    """
    if request.way is Way.ADDRESS:
        # A connection that has died without a word is made anew before the source counts as ended.
        timeout = (min(CONNECT_S, request.idle_s), request.idle_s / 3)
        with av.open(request.address, options=ADDRESS_OPTIONS, timeout=timeout) as container:
            yield Opened(container, container)
        return
    with ExitStack() as stack:
        # Both before either is read: who writes may wait for that.
        readers = [
            stack.enter_context(closing(_growing(request, address, is_over)))
            for address in (request.address, request.sound)
            if address
        ]
        picture = sound = stack.enter_context(_container(request, readers[0]))
        for reader in readers[1:]:
            if reader.begins():
                sound = stack.enter_context(_container(request, reader))
        yield Opened(picture, sound)


def _growing(request: RecordRequest, address: str, is_over: Callable[[], bool]) -> Growing:
    try:
        return Growing(Path(address), request.idle_s, is_over)
    except OSError as error:
        raise ClipmillError(
            "INPUT_UNREADABLE", f"{request.name} cannot be read: {error.strerror}.", "Check its name."
        ) from None


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
