"""Looks into a file that options refer to, in a child process: what it opens comes from strangers."""

from __future__ import annotations

import av
from av.container import InputContainer

from clipmill.jobs.v1.jobs_pb2 import ASSET_KIND_CARD, ASSET_KIND_LOGO, ASSET_KIND_MUSIC
from clipmill_ingest.exchange import AssetRequest
from clipmill_ingest.probe import FORMATS, OPTIONS
from clipmill_shared.compute import Report
from clipmill_shared.errors import ClipmillError

PICTURES = "png_pipe,jpeg_pipe,webp_pipe"
SOUNDS = "mp3,wav,flac,aac,aiff"
ALLOWED = {
    ASSET_KIND_LOGO: PICTURES,
    ASSET_KIND_CARD: f"{FORMATS},{PICTURES}",
    ASSET_KIND_MUSIC: f"{FORMATS},{SOUNDS}",
}
WANTED = {
    ASSET_KIND_LOGO: "a PNG, JPEG or WebP picture",
    ASSET_KIND_CARD: "a video (MP4, MOV, MKV, WebM), or a PNG, JPEG or WebP picture",
    ASSET_KIND_MUSIC: "a sound (MP3, WAV, FLAC, AAC, AIFF, M4A, Ogg)",
}
LONGEST_CARD_S, LONGEST_MUSIC_S = 15.0, 3600.0
MAX_SIDE = 8192
# A shorter sound is no music, and its loudness cannot be told.
SHORTEST_MUSIC_S = 1.0


def look(request: AssetRequest, report: Report) -> None:
    """ClipmillError INPUT_ASSET_UNREADABLE, INPUT_ASSET_TOO_LARGE, INPUT_ASSET_TOO_LONG."""
    options = {**OPTIONS, "format_whitelist": ALLOWED[request.kind]}
    try:
        with av.open(str(request.path), options=options, metadata_errors="replace") as container:
            if request.kind == ASSET_KIND_MUSIC:
                _check_sound(container, request)
            else:
                _check_picture(container, request)
    except (av.FFmpegError, StopIteration, ValueError) as error:
        raise _unreadable(request, str(error)) from None


def _check_picture(container: InputContainer, request: AssetRequest) -> None:
    if not container.streams.video:
        raise _unreadable(request, "it has no picture")
    stream = container.streams.video[0]
    if max(stream.width, stream.height) > MAX_SIDE:
        raise ClipmillError(
            "INPUT_ASSET_TOO_LARGE",
            f"{request.name} has {stream.width} x {stream.height} pixels.",
            f"Give one of at most {MAX_SIDE} pixels a side.",
        )
    length_s = float((container.duration or 0) / av.time_base)
    if container.format.name not in PICTURES.split(",") and length_s > LONGEST_CARD_S:
        raise _too_long(request.name, length_s, LONGEST_CARD_S)
    next(container.decode(stream))


def _check_sound(container: InputContainer, request: AssetRequest) -> None:
    if not container.streams.audio:
        raise _unreadable(request, "it has no sound")
    stream, end_s = container.streams.audio[0], 0.0
    for frame in container.decode(stream):
        end_s = max(end_s, (frame.time or 0.0) + frame.samples / frame.sample_rate)
        if end_s > LONGEST_MUSIC_S:
            raise _too_long(request.name, end_s, LONGEST_MUSIC_S)
    if end_s < SHORTEST_MUSIC_S:
        raise _unreadable(request, f"it is {end_s:.1f} s long")


def _unreadable(request: AssetRequest, why: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_ASSET_UNREADABLE", f"{request.name} cannot be used: {why}.", f"Give {WANTED[request.kind]}."
    )


def _too_long(name: str, length_s: float, longest_s: float) -> ClipmillError:
    return ClipmillError(
        "INPUT_ASSET_TOO_LONG", f"{name} is {length_s:.0f} s long.", f"Give one of at most {longest_s:.0f} s."
    )
