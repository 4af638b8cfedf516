"""The picture of a live source, and the sound beside it, as files that begin with keyframes. Runs in the child."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from clipmill.media.v1.media_pb2 import MediaInfo
from clipmill_ingest import probe
from clipmill_ingest.domain.cutting import picture_s
from clipmill_ingest.domain.parts import Span
from clipmill_ingest.live.parts import Parts

# The video's 0 s in the files: decoding times, which come before, stay positive.
START_S = 10.0
# What MPEG-TS carries everywhere, and to 1/90,000 s; all else goes into Matroska, to 1/1,000 s.
TS_CODECS = frozenset({"h264", "hevc", "mpeg2video", "aac", "mp3", "mp2", "ac3", "eac3"})

# Of fewer packets FFmpeg does not see that they are MPEG-TS; packets of nothing (ISO 13818-1, 2.4.3.3) make up for it.
TS_PACKETS = 32
NOTHING = b"\x47\x1f\xff\x10" + b"\xff" * 184

AnyPacket: TypeAlias = "av.Packet[VideoStream] | av.Packet[AudioStream]"


class Format:
    """The container that holds these tracks as they are."""

    def __init__(self, picture: VideoStream, sound: AudioStream | None) -> None:
        self.use(picture, sound)
        codecs = {track.codec_context.name for track in (picture, sound) if track is not None}
        self.is_ts = codecs <= TS_CODECS

    def use(self, picture: VideoStream, sound: AudioStream | None) -> None:
        """From now on files are made as these say: those of before are gone with their container."""
        self._tracks = [track for track in (picture, sound) if track is not None]

    @property
    def media_type(self) -> str:
        return "video/mp2t" if self.is_ts else "video/x-matroska"

    def rounded(self, time_s: float) -> float:
        """A time as the files keep it."""
        return time_s if self.is_ts else round(time_s, 3)

    def create(self, path: Path) -> File:
        """A new file of these tracks."""
        return File(path, self._tracks, is_ts=self.is_ts)


class File:
    """A file that is being written, its times on the video's clock plus START_S."""

    def __init__(self, path: Path, tracks: Sequence[VideoStream | AudioStream], *, is_ts: bool) -> None:
        self.path = path
        self._is_ts = is_ts
        options = {"mpegts_copyts": "1"} if is_ts else {"fflags": "+bitexact"}
        name = "mpegts" if is_ts else "matroska"
        self._out: OutputContainer = av.open(str(path), "w", format=name, options=options)
        self._tracks = {track.type: self._out.add_stream_from_template(track) for track in tracks}

    def write(self, packet: AnyPacket) -> None:
        """Write a packet of one of the tracks; its times may be rewritten to the file's ticks."""
        source = packet.stream
        if source.type in self._tracks:
            packet.stream = self._tracks[source.type]
            self._out.mux_one(packet)
            packet.stream = source

    def close(self) -> None:
        self._out.close()
        if self._is_ts and (lacking := TS_PACKETS - self.path.stat().st_size // len(NOTHING)) > 0:
            with self.path.open("ab") as file:
                file.write(lacking * NOTHING)


class Picture:
    """Cuts at keyframes. A file goes on to the first frame that the next one shows, so that a cut there is seen."""

    def __init__(self, form: Format, parts: Parts, name: str, start_s: float) -> None:
        self._form = form
        self._parts = parts
        self._name = name
        self._start_s = start_s
        self._file: File | None = None
        # The file before, while its last frames are on their way.
        self._former: File | None = None
        self._cut_s = 0.0
        self._info: MediaInfo | None = None
        self.end_s = start_s
        self.bytes = 0

    def take_picture(self, packet: av.Packet[VideoStream], time_s: float, end_s: float) -> None:
        """A packet that shows a frame in [time_s, end_s) of the video's clock."""
        if packet.is_keyframe and self._is_due(time_s):
            self._end_former()
            self._former, self._cut_s = self._file, self._form.rounded(time_s)
            self._file = None
        elif self._former is not None and time_s > self._cut_s:
            self._end_former()
        if self._former is not None:
            # The keyframe, and what is shown before it and comes after.
            self._former.write(packet)
        self._current().write(packet)
        self.bytes += packet.size
        self.end_s = max(self.end_s, end_s)

    def take_sound(self, packet: av.Packet[AudioStream]) -> None:
        self._current().write(packet)
        self.bytes += packet.size

    def finish(self) -> None:
        self._end_former()
        if self._file is not None and self.end_s > self._start_s:
            self._add(self._file, self._form.rounded(self.end_s))
        self._file = None

    def cut(self) -> None:
        """End the file; what comes next begins another, with a keyframe."""
        self.finish()

    def _is_due(self, time_s: float) -> bool:
        begun_s = self._cut_s if self._former is not None else self._start_s
        return self._file is not None and time_s - begun_s >= picture_s(begun_s)

    def _current(self) -> File:
        if self._file is None:
            path = self._parts.picture_path()
            # The former one's part is not counted yet.
            self._file = self._form.create(path.with_suffix(".next") if self._former is not None else path)
        return self._file

    def _end_former(self) -> None:
        if self._former is not None:
            self._add(self._former, self._cut_s)
            self._former = None
            if self._file is not None:
                # It was begun under another name; a file that is open may be renamed.
                self._file.path = self._file.path.rename(self._parts.picture_path())

    def _add(self, file: File, until_s: float) -> None:
        file.close()
        self._parts.add_picture(Span(self._start_s, until_s), self._described(file.path, until_s))
        self._start_s = until_s

    def _described(self, path: Path, until_s: float) -> MediaInfo:
        if self._info is None:
            with probe.opened(path, self._name) as container:
                timing = probe.read_packets(container, probe.picture_of(container, self._name), self._name).timing
            with probe.opened(path, self._name) as container:
                picture = probe.picture_of(container, self._name)
                sound = probe.sound_of(container, picture)
                self._info = probe.describe(container, picture, sound, timing, self._name)
            self._info.start_s = START_S
        info = MediaInfo()
        info.CopyFrom(self._info)
        info.duration_s = until_s
        return info
