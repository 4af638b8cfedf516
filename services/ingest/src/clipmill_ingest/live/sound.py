"""The sound of a live source as recognisers want it, cut into parts at pauses as it comes. Runs in the child."""

from __future__ import annotations

import av
import numpy as np
from av.audio.stream import AudioStream

from clipmill_ingest.domain.cutting import sound_cut
from clipmill_ingest.domain.parts import Span
from clipmill_ingest.domain.recording import Channels
from clipmill_ingest.live.parts import Parts
from clipmill_ingest.speech import JITTER_S, LEVEL_STEP_S, LOOK_EVERY, RATE_HZ, FlacFile, Samples, as_float, level_db

STEP = round(LEVEL_STEP_S * RATE_HZ)
# A sound that lags behind the picture by more is not waited for: it is silence.
LAG_S = 5.0


class Sound:
    """Takes the source's packets, and writes parts of 16 kHz mono FLAC on the video's clock.

    What is held is less than one part.
    """

    def __init__(self, track: AudioStream, parts: Parts, start_s: float) -> None:
        track.codec_context.thread_count = 1
        self._track = track
        self._parts = parts
        # The next part's first sample, and those that are held from there on.
        self._start = round(start_s * RATE_HZ)
        self._held = np.zeros(0, np.int16)
        self._levels = np.zeros(0, np.float32)
        self._resampler: av.AudioResampler | None = None
        self._kind = ("", "", 0)
        self._at = 0
        self._fed_until_s = 0.0
        self._frames = 0
        self.channels: Channels | None = None
        self.loud_db: list[float] = []
        self.damaged = 0

    @property
    def end_s(self) -> float:
        return (self._start + len(self._held)) / RATE_HZ

    def take(self, packet: av.Packet[AudioStream], source_start_s: float) -> None:
        """Decode a packet whose times are ahead of the video's clock by `source_start_s`."""
        try:
            frames = [frame for frame in packet.decode() if isinstance(frame, av.AudioFrame)]
        except av.error.InvalidDataError:
            self.damaged += 1
            return
        for frame in frames:
            time_s = frame.time - source_start_s if frame.time is not None else self._fed_until_s
            before, self._kind = self._kind, (frame.format.name, frame.layout.name, frame.sample_rate)
            if self._resampler is None or self._kind != before or abs(time_s - self._fed_until_s) > JITTER_S:
                self._flush()
                self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ, frame_size=4096)
                self._at, self._fed_until_s = round(time_s * RATE_HZ), time_s
            self._fed_until_s += frame.samples / frame.sample_rate
            self._look_at(frame)
            self._place(self._resampler.resample(frame))
        self._cut()

    def keep_up(self, picture_s: float) -> None:
        """Silence where the sound has stopped and the picture goes on."""
        if picture_s - self.end_s > 2 * LAG_S:
            self._hold(np.zeros(round((picture_s - LAG_S - self.end_s) * RATE_HZ), np.int16))
            self._cut()

    def begin_anew(self) -> None:
        """The source's clock has jumped."""
        self._flush()
        self._resampler = None

    def finish(self, until_s: float) -> None:
        """Write what is held, cut or filled up with silence to the end of the picture."""
        self._flush()
        until = round(until_s * RATE_HZ)
        if until > self._start:
            missing = until - self._start - len(self._held)
            self._hold(np.zeros(max(0, missing), np.int16))
            self._cut()
        if until > self._start:
            self._write(until - self._start)

    def _flush(self) -> None:
        if self._resampler is not None:
            self._place(self._resampler.resample(None))

    def _place(self, frames: list[av.AudioFrame]) -> None:
        """Put the next samples where they belong: without what overlaps, with silence where nothing is."""
        for frame in frames:
            piece = frame.to_ndarray()[0]
            end = self._start + len(self._held)
            sound = piece[max(0, end - self._at) :]
            gap = max(0, self._at - end)
            self._at += len(piece)
            if len(sound):
                self._hold(np.concatenate((np.zeros(min(gap, round(2 * LAG_S * RATE_HZ)), np.int16), sound)))

    def _hold(self, samples: Samples) -> None:
        self._held = np.concatenate((self._held, samples))
        known = len(self._levels)
        whole = len(self._held) // STEP
        if whole > known:
            self._levels = np.concatenate((self._levels, level_db(self._held[known * STEP : whole * STEP])))

    def _cut(self) -> None:
        while (step := sound_cut(self._levels, LEVEL_STEP_S, self._start / RATE_HZ)) is not None:
            self._write(step * STEP)

    def _write(self, samples: int) -> None:
        path = self._parts.sound_path()
        with FlacFile(path) as flac:
            flac.write(self._held[:samples])
        span = Span(self._start / RATE_HZ, (self._start + samples) / RATE_HZ)
        if samples >= STEP:
            self.loud_db.append(float(np.max(self._levels[: samples // STEP])))
        self._start += samples
        self._held, self._levels = self._held[samples:], self._levels[-(-samples // STEP) :]
        self._parts.add_sound(span)

    def _look_at(self, frame: av.AudioFrame) -> None:
        count = frame.layout.nb_channels
        if self.channels is None:
            self.channels = Channels(count)
        if self._frames % LOOK_EVERY == 0 and count == self.channels.count:
            self.channels.add(as_float(frame))
        self._frames += 1
