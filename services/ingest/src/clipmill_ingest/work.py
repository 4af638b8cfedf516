"""The import of one video, in the child process: what it is, its sound for speech, and where it can be cut."""

from __future__ import annotations

import errno

import av
import numpy as np

from clipmill.common.v1.common_pb2 import TimeRange, Warning  # noqa: A004 - the message's name
from clipmill.media.v1.media_pb2 import MediaInfo
from clipmill_ingest import faults, probe, speech
from clipmill_ingest.comparing import packed
from clipmill_ingest.domain import parts
from clipmill_ingest.domain.fingerprint import sketch
from clipmill_ingest.domain.parts import Span
from clipmill_ingest.exchange import Imported, ImportRequest
from clipmill_shared.compute import Report

# Decoding the sound is what takes the time.
SOUND_FROM = 0.3
# The sound may outlast the picture by so much without a remark.
BEYOND_S = 2.0


def import_video(request: ImportRequest, report: Report) -> Imported:
    """ClipmillError with an INPUT_ code when the file is at fault; OSError when the disk is."""
    try:
        return _import_video(request, report)
    except av.FFmpegError as error:
        # FFmpeg's errors do not cross process borders whole; a full disk must be recognised on the other side.
        raise OSError(error.errno or errno.EIO, str(error)) from None


def _import_video(request: ImportRequest, report: Report) -> Imported:
    info, packets = _look(request)
    timing = packets.timing
    report(SOUND_FROM)
    warnings = _picture_warnings(info, packets, request.name)
    count = parts.number_of_parts(info.duration_s, request.part_s, request.side_by_side)
    vision_parts = parts.at_keyframes([at - timing.start_s for at in timing.keyframes_s], info.duration_s, count)
    audio_parts: list[Span] = []
    prints = np.zeros(0, np.uint32)
    if info.HasField("audio"):
        heard = _hear(request, info, report)
        if heard.decoded_s > 0:
            audio_parts = parts.at_silences(heard.level_db, speech.LEVEL_STEP_S, info.duration_s, count)
            prints = heard.prints
            beyond_s = packets.ends_s.get(info.audio.index, timing.end_s) - timing.end_s
            warnings += _sound_warnings(info, heard, beyond_s, request.name)
    if not audio_parts:
        info.ClearField("audio")
        warnings.append(_no_audio(info, request.name))
    fingerprint = packed(prints) if prints.any() else b""
    return Imported(
        info,
        bool(audio_parts),
        _ranges(audio_parts),
        _ranges(vision_parts),
        warnings,
        fingerprint,
        packed(sketch(prints)) if fingerprint else b"",
    )


def _look(request: ImportRequest) -> tuple[MediaInfo, probe.Packets]:
    """What the video is; ClipmillError when it is not one that can be worked on."""
    name = request.name
    with probe.opened(request.path, name) as container:
        packets = probe.read_packets(container, probe.picture_of(container, name), name)
        probe.check_whole(container, packets, name)
    duration_s = packets.timing.end_s - packets.timing.start_s
    if duration_s > request.max_duration_s:
        raise faults.too_long(name, duration_s, request.max_duration_s)
    with probe.opened(request.path, name) as container:
        picture = probe.picture_of(container, name)
        return probe.describe(container, picture, probe.sound_of(container, picture), packets.timing, name), packets


def _hear(request: ImportRequest, info: MediaInfo, report: Report) -> speech.Speech:
    def extracted(*, left_only: bool) -> speech.Speech:
        with probe.opened(request.path, request.name) as container:
            sound = probe.sound_of(container, probe.picture_of(container, request.name))
            assert sound is not None
            return speech.extract(
                container,
                sound,
                Span(info.start_s, info.start_s + info.duration_s),
                request.speech_path,
                lambda share: report(SOUND_FROM + (1 - SOUND_FROM) * share),
                left_only=left_only,
            )

    heard = extracted(left_only=False)
    # Sides that cancel each other would leave the recogniser nothing.
    return extracted(left_only=True) if heard.channels and heard.channels.is_out_of_phase else heard


def _picture_warnings(info: MediaInfo, packets: probe.Packets, name: str) -> list[Warning]:
    warnings = []
    if info.video_tracks > 1:
        warnings.append(
            _warning("SEVERAL_VIDEO_TRACKS", faults.several_pictures(name, info.video_tracks, info.video.index))
        )
    if packets.timing.goes_back:
        message = f"The timestamps of {name} go back; its times may be off."
        warnings.append(_warning("TIMESTAMPS_NOT_MONOTONIC", message))
    if not packets.is_readable:
        warnings.append(_warning("INPUT_DAMAGED", f"A piece of {name} cannot be read; it may lack frames."))
    return warnings


def _sound_warnings(info: MediaInfo, heard: speech.Speech, beyond_s: float, name: str) -> list[Warning]:
    warnings = []
    if info.audio_tracks > 1:
        language = f" ({info.audio.language})" if info.audio.language else ""
        warnings.append(
            _warning(
                "SEVERAL_AUDIO_TRACKS",
                f"{name} has {info.audio_tracks} audio tracks; track {info.audio.index}{language} is used.",
            )
        )
    if heard.damaged_packets:
        warnings.append(
            _warning("SOUND_DAMAGED", f"{heard.damaged_packets} packets of the sound of {name} cannot be decoded.")
        )
    if beyond_s > BEYOND_S:
        warnings.append(
            _warning(
                "SOUND_BEYOND_PICTURE",
                f"The sound of {name} lasts {beyond_s:.0f} s longer than its picture; that is left out.",
            )
        )
    if heard.channels is not None and heard.decoded_s > 0:
        faults = heard.channels.faults(heard.level_db)
        warnings += [_warning(fault.code, f"The sound of {name} {fault.message}.") for fault in faults]
    return warnings


def _no_audio(info: MediaInfo, name: str) -> Warning:
    if info.audio_tracks:
        return _warning("AUDIO_UNREADABLE", f"No sound of {name} can be decoded; the clips rest on the picture alone.")
    return _warning("NO_AUDIO", f"{name} has no sound; the clips rest on the picture alone.")


def _warning(code: str, message: str) -> Warning:
    return Warning(code=code, message=message, part="import")


def _ranges(spans: list[Span]) -> list[TimeRange]:
    return [TimeRange(start_s=span.start_s, end_s=span.end_s) for span in spans]
