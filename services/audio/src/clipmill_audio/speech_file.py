"""Reads a part of the speech sound that the import made: 16 kHz mono 16-bit FLAC on the video's clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from clipmill_audio.domain.timed import Span
from clipmill_shared.errors import ClipmillError

RATE_HZ = 16_000


class SpeechUnreadableError(ClipmillError):
    """The speech sound is damaged, or not what the import makes."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "SPEECH_UNREADABLE",
            f"The speech sound that the import made cannot be read: {why}.",
            "Run `clipmill clean`, then the same command again.",
        )


def blocks(path: Path, part: Span, size: int) -> Iterator[NDArray[np.int16]]:
    """The samples of `part`, `size` at a time; the last block may be shorter. Only the part is decoded.

    Ends early where the sound does. Raises SpeechUnreadableError.
    """
    held: list[NDArray[np.int16]] = []
    length = 0
    for piece in _pieces(path, part):
        held.append(piece)
        length += len(piece)
        if length >= size:
            together = np.concatenate(held)
            whole = length // size * size
            yield from together[:whole].reshape(-1, size)
            held, length = [together[whole:]], length - whole
    if length:
        yield np.concatenate(held)


def _pieces(path: Path, part: Span) -> Iterator[NDArray[np.int16]]:
    first, stop = round(part.start_s * RATE_HZ), round(part.end_s * RATE_HZ)
    try:
        with av.open(f"file:{path}", format="flac", options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.audio[0]
            stream.codec_context.thread_count = 1
            if stream.rate != RATE_HZ or stream.channels != 1 or stream.time_base is None:
                raise SpeechUnreadableError(f"{stream.rate} Hz, {stream.channels} channels")
            tick_samples = float(stream.time_base) * RATE_HZ
            if first:
                container.seek(int(first / tick_samples), stream=stream)
            for frame in container.decode(stream):
                at = round((frame.pts or 0) * tick_samples)
                if at >= stop:
                    return
                samples = frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
                wanted = samples[max(0, first - at) : stop - at]
                if len(wanted):
                    yield wanted
    except (av.error.FFmpegError, IndexError) as error:
        raise SpeechUnreadableError(str(error)) from error
