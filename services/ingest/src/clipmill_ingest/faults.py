"""What can be wrong with a video, each said in one line with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipmill_shared.errors import ClipmillError

if TYPE_CHECKING:
    from av.error import FFmpegError


def not_video(name: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_NOT_VIDEO",
        f"{name} is not a video that Clipmill knows.",
        "Give an MP4, MOV, MKV, WebM, AVI, MPEG-TS, FLV or Ogg file; "
        "a playlist has to be downloaded as one file first.",
    )


def truncated(name: str, there: str, wanted: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_TRUNCATED", f"{name} ends too early: {there} of {wanted}.", "Copy or download the video again."
    )


def no_picture(name: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_NO_VIDEO", f"{name} has sound but no moving picture.", "Give a file with a video track."
    )


def zero_length(name: str) -> ClipmillError:
    return ClipmillError("INPUT_ZERO_LENGTH", f"The video in {name} has no frames.", "Record or export it again.")


def codec(name: str, what: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_CODEC", f"The video in {name} cannot be decoded ({what}).", "Convert it to H.264 first."
    )


def too_long(name: str, duration_s: float, limit_s: float) -> ClipmillError:
    return ClipmillError(
        "INPUT_TOO_LONG",
        f"{name} lasts {duration_s / 3600:.1f} h, and the limit is {limit_s / 3600:.1f} h.",
        "Cut it into shorter videos, or raise CLIPMILL_INGEST_MAX_DURATION_S.",
    )


def timed_out(name: str, limit_s: float) -> ClipmillError:
    return ClipmillError(
        "INPUT_TIMEOUT",
        f"{name} could not be read within {limit_s:.0f} s.",
        "Convert it to MP4 first, or raise CLIPMILL_INGEST_IMPORT_TIMEOUT_S.",
    )


def several_pictures(name: str, count: int, used: int) -> str:
    return f"{name} has {count} video tracks or programmes; track {used} is used, with the sound of its programme."


def not_live(name: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_NOT_LIVE",
        f"{name} is not a video that can be read while it grows.",
        "Record as MPEG-TS, fragmented MP4, Matroska or FLV; submit an ordinary MP4 when it is whole, without --live.",
    )


def nothing_came(name: str, idle_s: float) -> ClipmillError:
    return ClipmillError(
        "INPUT_LIVE_SILENT",
        f"No picture came from {name} within {idle_s:g} s.",
        "Start the source first, or raise CLIPMILL_INGEST_LIVE_IDLE_S.",
    )


def ended_empty(name: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_ZERO_LENGTH", f"The input was ended before a picture of {name} had come.", "Let it run for longer."
    )


def refused(name: str, why: FFmpegError) -> ClipmillError:
    return ClipmillError(
        "INPUT_URL_NOT_FOUND",
        f"{name} cannot be had: {why.strerror}.",
        "Check the address in a player; a user and a password are given as rtsp://USER:PASSWORD@HOST/PATH.",
    )
