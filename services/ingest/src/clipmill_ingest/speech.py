"""The sound as recognisers want it: 16 kHz, mono, 16 bit, on the video's clock. Runs in the child process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream as AvAudio
from av.container import InputContainer
from av.stream import Discard

from clipmill_ingest.domain.fingerprint import Ear, Prints
from clipmill_ingest.domain.parts import Span
from clipmill_ingest.domain.recording import Channels
from clipmill_shared.compute import Report

RATE_HZ = 16_000
LEVEL_STEP_S = 0.02
BLOCK = 65_536
# Timestamps that are off by less are jitter; the sound goes on without a seam.
JITTER_S = 0.05
# Frames are resampled together: one of AAC has 1,024 samples, and a call for each costs as much as its work.
GATHERED = 16_384
# How the sound was recorded shows in every so manyth frame.
LOOK_EVERY = 8
FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "flt": 1.0, "dbl": 1.0}

Samples = npt.NDArray[np.int16]


@dataclass
class Speech:
    """What was extracted: the level of each step in dB of full scale, how much sound there was, what was damaged."""

    level_db: npt.NDArray[np.float32]
    decoded_s: float
    damaged_packets: int
    # None where nothing could be decoded.
    channels: Channels | None
    # The sound's fingerprint.
    prints: Prints


def extract(
    container: InputContainer, sound: AvAudio, clock: Span, target: Path, report: Report, *, left_only: bool = False
) -> Speech:
    """Write the track, all channels mixed or the left one alone, as FLAC that covers `clock`, the picture's range in
    the container's time.

    Sound before the first frame is left out, gaps and a missing end are silence.
    """
    track = _Track(round((clock.end_s - clock.start_s) * RATE_HZ))
    decoder = _Decoder(sound, left_only)
    ear = Ear()
    with FlacFile(target) as flac:
        for block in track.blocks(decoder.pieces(container, clock.start_s)):
            flac.write(block)
            ear.heard(block)
            report(track.written / max(track.total, 1))
    return Speech(track.level_db(), decoder.samples / RATE_HZ, decoder.damaged, decoder.channels, ear.prints())


class _Decoder:
    """Decodes and resamples one track; gives pieces of sound, each with the sample number at which it begins."""

    def __init__(self, sound: AvAudio, left_only: bool) -> None:
        self._sound = sound
        self._left_only = left_only
        self.channels: Channels | None = None
        self._frames_seen = 0
        self.samples = 0
        self.damaged = 0

    def pieces(self, container: InputContainer, start_s: float) -> Iterator[tuple[int, Samples]]:
        resampler: av.AudioResampler | None = None
        gathered, kind = av.AudioFifo(), ("", "", 0)
        at = 0  # where the next sample of the resampler belongs
        fed_until_s = 0.0
        for frame in self._frames(container):
            time_s = frame.time - start_s if frame.time is not None else fed_until_s
            # A broadcast's sound may change from 5.1 to stereo in the middle.
            before, kind = kind, (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or kind != before or abs(time_s - fed_until_s) > JITTER_S:
                if resampler is not None:
                    yield at, self._rest(gathered, resampler)
                resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ, frame_size=4096)
                gathered = av.AudioFifo()
                at = round(time_s * RATE_HZ)
                fed_until_s = time_s
            fed_until_s += frame.samples / frame.sample_rate
            self._look_at(frame)
            kept = _left(frame) if self._left_only else frame
            # Their times are looked at above.
            kept.pts = None
            gathered.write(kept)
            if gathered.samples >= GATHERED:
                piece = self._samples(resampler.resample(gathered.read()))
                yield at, piece
                at += len(piece)
        if resampler is not None:
            yield at, self._rest(gathered, resampler)

    def _frames(self, container: InputContainer) -> Iterator[av.AudioFrame]:
        self._sound.codec_context.thread_count = 1
        for stream in container.streams:
            if stream.index != self._sound.index:
                stream.discard = Discard.all
        packets = container.demux(self._sound)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return
            try:
                yield from (frame for frame in packet.decode() if isinstance(frame, av.AudioFrame))
            except av.error.InvalidDataError:
                self.damaged += 1

    def _look_at(self, frame: av.AudioFrame) -> None:
        count = frame.layout.nb_channels
        if self.channels is None:
            self.channels = Channels(count)
        if self._frames_seen % LOOK_EVERY == 0 and count == self.channels.count:
            self.channels.add(as_float(frame))
        self._frames_seen += 1

    def _rest(self, gathered: av.AudioFifo, resampler: av.AudioResampler) -> Samples:
        last = gathered.read()
        return self._samples([*(resampler.resample(last) if last is not None else ()), *resampler.resample(None)])

    def _samples(self, frames: list[av.AudioFrame]) -> Samples:
        if not frames:
            return np.zeros(0, np.int16)
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        self.samples += len(samples)
        return samples


def as_float(frame: av.AudioFrame) -> npt.NDArray[np.float32]:
    """The frame's samples as [channels, samples], full scale 1."""
    name = frame.format.name.removesuffix("p")
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    floats = values.astype(np.float32) / np.float32(FULL_SCALE.get(name, 1.0))
    return floats - 1 if name == "u8" else floats


def _left(frame: av.AudioFrame) -> av.AudioFrame:
    left = av.AudioFrame.from_ndarray(np.ascontiguousarray(as_float(frame)[:1]), format="fltp", layout="mono")
    left.sample_rate, left.pts, left.time_base = frame.sample_rate, frame.pts, frame.time_base
    return left


@dataclass
class _Track:
    """Lays pieces of sound onto one clock of `total` samples, and measures their level."""

    total: int
    written: int = 0
    _levels: list[npt.NDArray[np.float32]] = field(default_factory=list)

    def blocks(self, pieces: Iterator[tuple[int, Samples]]) -> Iterator[Samples]:
        """The whole track in blocks of BLOCK samples, the last one shorter."""
        rest = np.zeros(0, np.int16)
        for piece in self._placed(pieces):
            rest = np.concatenate((rest, piece))
            while len(rest) >= BLOCK:
                yield self._measured(rest[:BLOCK])
                rest = rest[BLOCK:]
        if len(rest):
            yield self._measured(rest)

    def _placed(self, pieces: Iterator[tuple[int, Samples]]) -> Iterator[Samples]:
        """The pieces without what overlaps or lies outside, with silence where nothing is."""
        end = 0
        for start, piece in pieces:
            sound = piece[max(0, end - start) : max(0, self.total - start)]
            if not len(sound):
                continue
            yield from _silence(max(start, end) - end)
            yield sound
            end = max(start, end) + len(sound)
        yield from _silence(self.total - end)

    def _measured(self, block: Samples) -> Samples:
        self._levels.append(level_db(block))
        self.written += len(block)
        return block

    def level_db(self) -> npt.NDArray[np.float32]:
        return np.concatenate(self._levels) if self._levels else np.zeros(0, np.float32)


def level_db(block: Samples) -> npt.NDArray[np.float32]:
    """The level of each LEVEL_STEP_S of a sound, the last one filled up with silence."""
    step = round(LEVEL_STEP_S * RATE_HZ)
    whole = np.zeros(-(-len(block) // step) * step, np.float32)
    whole[: len(block)] = block
    power = np.mean(np.square(whole.reshape(-1, step) / 32768.0), axis=1)
    level: npt.NDArray[np.float32] = (10 * np.log10(power + 1e-12)).astype(np.float32)
    return level


def _silence(samples: int) -> Iterator[Samples]:
    while samples > 0:
        yield np.zeros(min(samples, BLOCK), np.int16)
        samples -= BLOCK


class FlacFile:
    """Blocks of samples as FLAC, within a `with`."""

    def __init__(self, target: Path) -> None:
        self._container = av.open(str(target), "w", format="flac")
        self._stream = self._container.add_stream("flac", rate=RATE_HZ, layout="mono", format="s16")
        self._written = 0

    def __enter__(self) -> FlacFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def write(self, block: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[np.newaxis]), format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts = self._written
        self._written += len(block)
        self._container.mux(self._stream.encode(frame))
