"""Records a live source into parts, in the child process, until it ends."""

from __future__ import annotations

import errno
import time
from collections import deque
from math import inf
from urllib.parse import urlsplit

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from clipmill.common.v1.common_pb2 import Warning  # noqa: A004 - the message's name
from clipmill_ingest import faults, probe
from clipmill_ingest.live import sources
from clipmill_ingest.live.exchange import STOP, Ending, Recorded, RecordRequest, Way
from clipmill_ingest.live.packets import BACK_S, JUMP_S, Tracks, frame_s, packets_of
from clipmill_ingest.live.parts import Parts
from clipmill_ingest.live.picture import START_S, AnyPacket, Format, Picture
from clipmill_ingest.live.sound import Sound
from clipmill_shared.compute import Report
from clipmill_shared.errors import ClipmillError

# What a source may say again when it is opened again: RTMP servers begin with the last keyframe.
AGAIN_S = 15.0
# A hole that is longer is told of.
HOLE_S = 0.5
# Clocks agree that differ by less.
SAME_S = 0.002
# Packets of sound that wait for the picture to begin.
EARLY = 500
RETRY_S = 1.0
# A decoder is fed so much before the first sample that counts.
LEAD_S = 0.5
REPORT_S = 0.5


def record(request: RecordRequest, report: Report) -> Recorded:
    """ClipmillError with an INPUT_ code when the source is at fault; OSError when the disk is."""
    try:
        return Recording(request, report).run()
    except av.FFmpegError as error:
        raise OSError(error.errno or errno.EIO, str(error)) from None


class _Ended(Exception):
    """Enough has been recorded."""

    def __init__(self, why: Ending) -> None:
        super().__init__(why)
        self.why = why


class Recording:
    """One attempt. The source may be opened several times; its packets are laid onto one clock without holes."""

    def __init__(self, request: RecordRequest, report: Report) -> None:
        self._request = request
        self._report = report
        resume = request.resume
        self._resume = resume
        self._parts = Parts(request.folder, resume.sounds if resume else 0, resume.pictures if resume else 0)
        self._form: Format | None = None
        self._picture: Picture | None = None
        self._sound: Sound | None = None
        # Where a keyframe may follow: the end of what there is, on the video's clock.
        self._until_s = resume.picture_s if resume else 0.0
        # None: the source's clock is not known; the next keyframe is the next moment.
        self._start_s: float | None = resume.source_start_s if resume else None
        self._is_joined = False
        self._last_s: float | None = None
        self._early: deque[av.Packet[AudioStream]] = deque(maxlen=EARLY)
        self._again_s = inf if resume and request.way is not Way.ADDRESS else AGAIN_S
        # RTSP counts from 0 at each opening; how long nothing came before one, where that is known.
        self._has_own_clock = urlsplit(request.address).scheme in ("rtsp", "rtsps")
        self._away_s = inf
        self._reported = 0.0
        self._came = time.monotonic()

    def run(self) -> Recorded:
        ending = self._ending()
        video_s = self._until_s
        if self._picture is not None:
            self._picture.finish()
            video_s = max(video_s, self._picture.end_s)
        if not video_s:
            name = self._request.name
            raise (
                faults.ended_empty(name) if ending is Ending.ASKED else faults.nothing_came(name, self._request.idle_s)
            )
        if self._sound is not None:
            self._sound.finish(video_s)
        has_sound = self._sound is not None or bool(self._resume and self._resume.sounds)
        return Recorded(ending, video_s, has_sound, [*self._parts.warnings, *self._remarks(ending)])

    def _ending(self) -> Ending:
        request = self._request
        while True:
            try:
                if self._is_over():
                    return Ending.ASKED
                with sources.opened(request, self._is_over) as opened:
                    self._take_all(opened)
                if request.way is not Way.ADDRESS:
                    return Ending.ASKED if self._is_over() else Ending.SOURCE
            except _Ended as ended:
                return ended.why
            except ClipmillError:
                if not self._until_s:
                    raise
                # What was recorded before is kept, whatever has become of the source.
                return Ending.SILENCE
            except av.FFmpegError as error:
                if request.way is not Way.ADDRESS or isinstance(error, MemoryError):
                    raise
                if isinstance(error, av.error.HTTPClientError) and not self._until_s:
                    raise faults.refused(request.name, error) from None
            if time.monotonic() - self._came >= request.idle_s:
                return Ending.SILENCE
            # Opened again, it may have a clock of its own, and what came meanwhile is lost.
            self._is_joined = False
            time.sleep(RETRY_S)

    def _take_all(self, opened: sources.Opened) -> None:
        name = self._request.name
        picture = probe.picture_of(opened.picture, name)
        tracks = Tracks(picture, probe.sound_of(opened.sound, picture))
        if tracks.picture.codec_context is None:
            raise faults.codec(name, "its codec is unknown")
        if self._form is None and (count := len(probe.pictures(opened.picture))) > 1:
            message = faults.several_pictures(name, count, picture.index)
            self._parts.warnings.append(_warning("SEVERAL_VIDEO_TRACKS", message))
        self._begin(tracks)
        for packet in packets_of(opened, tracks):
            self._came = time.monotonic()
            self._take(packet, tracks)

    def _begin(self, tracks: Tracks) -> None:
        """Make what writes, at the first opening; later ones must bring the same tracks."""
        self._is_joined = False
        self._early.clear()
        if self._until_s and self._picture is not None:
            self._away_s = time.monotonic() - self._came
        if self._has_own_clock:
            self._start_s = None
        if self._form is None or self._picture is None:
            self._form = Format(tracks.picture, tracks.sound)
            self._picture = Picture(self._form, self._parts, self._request.name, self._until_s)
        else:
            self._form.use(tracks.picture, tracks.sound)
            # Another opening's tracks cannot go on in the same file.
            self._picture.cut()
        if tracks.sound is not None and self._sound is None:
            at_s = self._resume.sound_s if self._resume else 0.0
            self._sound = Sound(tracks.sound, self._parts, at_s)

    def _take(self, packet: AnyPacket, tracks: Tracks) -> None:
        at = packet.pts if packet.pts is not None else packet.dts
        assert at is not None
        source_s = at * float(packet.time_base)
        if packet.stream.type == "video":
            if self._is_joined and self._last_s is not None and not -BACK_S <= source_s - self._last_s <= JUMP_S:
                self._is_joined = False
            self._last_s = source_s
            if self._is_joined or self._join(packet, source_s):
                self._see(packet, source_s)
        elif not self._is_joined or self._last_s is None or abs(source_s - self._last_s) > JUMP_S:
            self._early.append(packet)
        else:
            self._hear(packet, source_s)

    def _hear(self, packet: av.Packet[AudioStream], source_s: float) -> None:
        assert self._sound is not None and self._picture is not None and self._start_s is not None
        time_s = source_s - self._start_s
        if time_s > max(self._sound.end_s, 0.0) - LEAD_S:
            self._sound.take(packet, self._start_s)
        if time_s >= 0:
            self._shift(packet)
            self._picture.take_sound(packet)

    def _shift(self, packet: AnyPacket) -> None:
        """Put the packet onto the clock of the files."""
        assert self._start_s is not None
        shift = round((START_S - self._start_s) / float(packet.time_base))
        packet.pts = (packet.dts if packet.pts is None else packet.pts) + shift  # type: ignore[operator]
        packet.dts = packet.pts if packet.dts is None else packet.dts + shift

    def _see(self, packet: av.Packet[VideoStream], source_s: float) -> None:
        assert self._picture is not None and self._start_s is not None
        request = self._request
        time_s = source_s - self._start_s
        if time_s >= request.max_s:
            raise _Ended(Ending.LIMIT)
        self._shift(packet)
        self._picture.take_picture(packet, time_s, time_s + frame_s(packet))
        self._until_s = self._picture.end_s
        if self._sound is not None:
            self._sound.keep_up(self._until_s)
        if self._picture.bytes > request.max_bytes:
            raise _Ended(Ending.LIMIT)
        if self._is_over():
            raise _Ended(Ending.ASKED)

    def _join(self, packet: AnyPacket, source_s: float) -> bool:
        """Whether recording begins, or goes on, with this packet of the picture; then the clocks are set."""
        if not packet.is_keyframe:
            return False
        if self._start_s is None:
            self._start_s = source_s - self._until_s
            if self._until_s:
                self._tell_of_hole(self._away_s)
        ahead_s = source_s - self._start_s - self._until_s
        if -self._again_s < ahead_s < -SAME_S:
            return False
        if abs(ahead_s) > HOLE_S:
            self._tell_of_hole(ahead_s)
            self._start_s = source_s - self._until_s
        # Files and playlists begin anew for each attempt only.
        self._again_s = AGAIN_S
        self._parts.source_start_s = self._start_s
        self._is_joined = True
        if self._sound is not None:
            self._sound.begin_anew()
        while self._early:
            early = self._early.popleft()
            self._hear(early, float(early.pts if early.pts is not None else early.dts or 0) * float(early.time_base))
        return True

    def _tell_of_hole(self, hole_s: float) -> None:
        how = f"{hole_s:.0f} s of it are missing" if 0 < hole_s < 86400 else "something of it may be missing"
        self._parts.warnings.append(
            _warning(
                "LIVE_GAP",
                f"{self._request.name} broke off at {self._until_s:.0f} s and was recorded on from there: {how}.",
            )
        )

    def _is_over(self) -> bool:
        now = time.monotonic()
        if now - self._reported >= REPORT_S:
            self._reported = now
            self._report(min(self._until_s / self._request.max_s, 0.999))
            self._has_stop = (self._request.folder / STOP).exists()
        return self._has_stop

    _has_stop = False

    def _remarks(self, ending: Ending) -> list[Warning]:
        name, request = self._request.name, self._request
        remarks = []
        if ending is Ending.SILENCE:
            message = f"Nothing came from {name} for {request.idle_s:g} s: that was taken for its end."
            remarks.append(_warning("LIVE_WENT_SILENT", message))
        sound = self._sound
        if sound is not None and sound.damaged:
            message = f"{sound.damaged} packets of the sound of {name} cannot be decoded."
            remarks.append(_warning("SOUND_DAMAGED", message))
        return remarks


def _warning(code: str, message: str) -> Warning:
    return Warning(code=code, message=message, part="record")
