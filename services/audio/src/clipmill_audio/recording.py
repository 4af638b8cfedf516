"""Reads any file with sound, for callers who come without ingest's speech sound. Runs in the child."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

from clipmill_audio.domain.timed import Span
from clipmill_audio.domain.windows import cut
from clipmill_audio.exchange import Recording, Sound
from clipmill_audio.models.silero import STEP, VoiceActivity
from clipmill_audio.speech_file import RATE_HZ
from clipmill_shared.errors import ClipmillError

# No demuxer in this list follows references to other files or addresses, as playlists do.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,live_flv,ogg,asf,mxf,"
    "wav,w64,mp3,aac,flac,aiff,caf,amr,au"
)
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0"}
# A jump of the clock that is longer is no silence but damage.
LONGEST_GAP_S = 60.0
JITTER_S = 0.05
FULL_SCALE = 32_700


def read(recording: Recording, activity: VoiceActivity) -> Sound:
    """Write the speech sound, and say where it may be cut. Errors: INPUT_UNREADABLE, INPUT_NO_SOUND."""
    name = recording.path.name
    try:
        with av.open(f"file:{recording.path}", options=OPTIONS, metadata_errors="replace") as container:
            track = _track(container, name)
            track.codec_context.thread_count = 1
            stretches = _Stretches(activity)
            _write(recording.target, stretches.passed(_samples(container, track)))
            context = track.codec_context
            if not stretches.samples:
                raise _unreadable(name, "none of its sound can be decoded")
            return Sound(
                stretches.samples / RATE_HZ,
                track.index,
                context.sample_rate,
                context.channels,
                stretches.clipped / stretches.samples,
                stretches.ended(),
            )
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, MemoryError):
            raise
        raise _unreadable(name, str(error)) from None


class _Stretches:
    """Where a sound that passes by may be cut."""

    def __init__(self, activity: VoiceActivity) -> None:
        activity.begin()
        self._activity = activity
        self._probabilities: list[float] = []
        self._edges = [0]
        self.samples = 0
        self.clipped = 0

    def passed(self, pieces: Iterator[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
        held = np.empty(0, np.int16)
        for piece in pieces:
            self.samples += len(piece)
            self.clipped += int(np.count_nonzero(np.abs(piece.astype(np.int32)) >= FULL_SCALE))
            held = np.concatenate((held, piece))
            whole = len(held) // STEP * STEP
            self._probabilities += self._activity.probabilities(held[:whole].astype(np.float32) / np.float32(32768))
            held = held[whole:]
            if (at := cut(self._probabilities, STEP / RATE_HZ)) is not None:
                self._edges.append(self._edges[-1] + at.end * STEP)
                self._probabilities = self._probabilities[at.end :]
            yield piece

    def ended(self) -> tuple[Span, ...]:
        edges_s = [edge / RATE_HZ for edge in self._edges if edge < self.samples] + [self.samples / RATE_HZ]
        return tuple(Span(begin, end) for begin, end in pairwise(edges_s))


def _track(container: InputContainer, name: str) -> AudioStream:
    tracks = container.streams.audio
    if not tracks:
        raise ClipmillError("INPUT_NO_SOUND", f"{name} has no sound.", "Give a file in which somebody speaks.")
    return next((track for track in tracks if track.disposition & Disposition.default), tracks[0])


def _samples(container: InputContainer, track: AudioStream) -> Iterator[NDArray[np.int16]]:
    """The sound from the container's beginning on, gaps as silence; damaged packets are left out."""
    begin_s = (container.start_time or 0) / av.time_base
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    written = 0
    for packet in container.demux(track):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            gap = round(((frame.time or 0) - begin_s) * RATE_HZ) - written if frame.time is not None else 0
            if JITTER_S * RATE_HZ < gap <= LONGEST_GAP_S * RATE_HZ:
                yield np.zeros(gap, np.int16)
                written += gap
            for out in resampler.resample(frame):
                written += out.samples
                yield out.to_ndarray()[0]
    for out in resampler.resample(None):
        yield out.to_ndarray()[0]


def _write(target: Path, pieces: Iterator[NDArray[np.int16]]) -> None:
    with av.open(str(target), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono", format="s16")
        at = 0
        for piece in pieces:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece)[None], format="s16", layout="mono")
            frame.rate, frame.pts = RATE_HZ, at
            at += len(piece)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _unreadable(name: str, why: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_UNREADABLE",
        f"{name}: no sound can be decoded ({why}).",
        "Play the file; if it plays, convert it: ffmpeg -i FILE fixed.wav",
    )
