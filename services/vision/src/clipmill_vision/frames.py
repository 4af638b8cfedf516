"""Reads a part's frames: one decoding pass, in order of time, over what is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipmill_shared.errors import ClipmillError
from clipmill_vision.exchange import Part, Tally

# Only demuxers that follow no references to other files or addresses: no playlists, manifests, image sequences.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,ogg,asf,mxf"
LIMITS = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0"}
# Two clocks agree when they differ by less; no frame is as short.
SAME_S = 1e-4
# Where to seek before a part's beginning until a frame at or before it comes; None: read from the file's beginning.
SEEK_BACK_S = (0.0, 10.0, None)
T = TypeVar("T")


def unreadable(path: Path, why: str) -> ClipmillError:
    return ClipmillError(
        "INPUT_UNREADABLE",
        f"{path.name}: no picture can be decoded ({why}).",
        "Play the file; if it plays, convert it: ffmpeg -i FILE -c:v libx264 -c:a aac fixed.mp4",
    )


def frames(
    part: Part, tally: Tally, threads: int, *, deblock: bool, beyond_s: float = 0.0, card: str = ""
) -> Iterator[tuple[float, VideoFrame]]:
    """The part's frames with their times, each later than the one before, and those up to `beyond_s` after it.

    Frames without a time are put one frame's duration after the one before. Without `deblock` the codec leaves out its
    loop filter: a quarter of H.264's decoding time, for edges of blocks that show only at full size. `card` ("cuda")
    decodes on a graphics card; where it cannot, the processor does, and `tally` says so. Raises INPUT_UNREADABLE when
    the file or its stream cannot be opened; that no frame came is for the caller to see.
    """
    began = False
    device = _on_card(part, card) if card else None
    tally.card_missing = bool(card) and device is None
    for back_s in SEEK_BACK_S if part.start_s > 0 else (None,):
        try:
            # Opened anew each time: containers that cannot seek also cannot go back.
            with _opened(part, device) as container:
                stream = _stream(container, part, threads, deblock=deblock)
                if back_s is not None and not _seek(container, stream, part, back_s):
                    continue
                past = 0
                for time_s, frame in _timed(container, stream, part, tally):
                    if not began and back_s is not None and time_s > part.start_s + SAME_S:
                        break
                    began = True
                    if time_s >= part.end_s + beyond_s - SAME_S:
                        past += 1
                        # A single frame after the end may be a wrong time.
                        if past == 2:
                            return
                    elif time_s >= part.start_s - SAME_S:
                        past = 0
                        if tally.last_s is not None and time_s <= tally.last_s:
                            # AVI without times of its own gives some frames the time of the one before.
                            tally.out_of_order += time_s < tally.last_s - SAME_S
                            continue
                        tally.corrupt += frame.is_corrupt and time_s < part.end_s - SAME_S
                        tally.last_s = time_s
                        yield time_s, frame
                if began:
                    return
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise
            raise unreadable(part.path, str(error)) from None


def _opened(part: Part, device: HWAccel | None) -> InputContainer:
    return av.open(str(part.path), options=LIMITS, metadata_errors="replace", hwaccel=device)


def _on_card(part: Part, card: str) -> HWAccel | None:
    """The card's decoder, if it decodes the stream's first picture."""
    # Without leave to fall back: which streams were decoded in software after all, the library does not say.
    device = HWAccel(card, allow_software_fallback=False)
    try:
        with _opened(part, device) as container:
            next(container.decode(_stream(container, part, 1, deblock=True)))
    except (av.FFmpegError, RuntimeError, StopIteration) as error:
        if isinstance(error, MemoryError):
            raise
        return None
    return device


def _stream(container: InputContainer, part: Part, threads: int, *, deblock: bool) -> VideoStream:
    stream = container.streams[part.stream_index] if part.stream_index < len(container.streams) else None
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        raise unreadable(part.path, f"stream {part.stream_index} is no video that this build knows")
    context = stream.codec_context
    context.thread_count = threads
    context.thread_type = "AUTO" if threads > 1 else "SLICE"
    if not deblock:
        context.options = {"skip_loop_filter": "all"}
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return stream


def _seek(container: InputContainer, stream: VideoStream, part: Part, back_s: float) -> bool:
    at_s = max(part.start_s - back_s, 0.0) + part.clock_start_s
    try:
        container.seek(round(at_s / float(stream.time_base or 1)), stream=stream)
    except av.FFmpegError:
        return False
    return True


def _timed(
    container: InputContainer, stream: VideoStream, part: Part, tally: Tally
) -> Iterator[tuple[float, VideoFrame]]:
    step_s = 1 / float(stream.average_rate or 25)
    last_s = part.start_s - step_s
    for frame in _decoded(container, stream, part, tally):
        at = frame.pts if frame.pts is not None else frame.dts
        base = float(frame.time_base or stream.time_base or 0)
        last_s = last_s + step_s if at is None else at * base - part.clock_start_s
        yield last_s, frame


def _decoded(container: InputContainer, stream: VideoStream, part: Part, tally: Tally) -> Iterator[VideoFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            # The demuxer does not find its way any more: what comes after is lost.
            tally.corrupt += 1
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.FFmpegError:
            at_s = None if packet.pts is None else packet.pts * float(stream.time_base or 0) - part.clock_start_s
            # What is shown before the part may lack the pictures that it refers to: they lie before the seek.
            tally.corrupt += at_s is None or at_s >= part.start_s - SAME_S


def timetable(part: Part) -> tuple[list[float], list[float]]:
    """When the part's frames and its keyframes are, in order, by their packets. INPUT_UNREADABLE."""
    times_s: list[float] = []
    keys_s: list[float] = []
    try:
        with _opened(part, None) as container:
            stream = _stream(container, part, 1, deblock=False)
            if part.start_s > 0 and not _seek(container, stream, part, 0.0):
                return [], []
            base = float(stream.time_base or 0)
            for packet in container.demux(stream):
                if packet.pts is None or packet.dts is None:
                    continue
                time_s = packet.pts * base - part.clock_start_s
                if part.start_s - SAME_S <= time_s < part.end_s - SAME_S:
                    times_s.append(time_s)
                    if packet.is_keyframe:
                        keys_s.append(time_s)
                if packet.dts * base - part.clock_start_s > part.end_s:
                    break
    except av.FFmpegError as error:
        raise unreadable(part.path, str(error)) from None
    return sorted(times_s), sorted(keys_s)


def frames_about(
    part: Part, spans_s: Sequence[tuple[float, float]], made_of: Callable[[VideoFrame], T]
) -> Iterator[list[tuple[float, T]]]:
    """For each of the spans what is made of its frames, with their times; none where they cannot be sought.

    Of the frames themselves one is held at a time. Error: INPUT_UNREADABLE.
    """
    try:
        with _opened(part, None) as container:
            stream = _stream(container, part, 1, deblock=False)
            for begin_s, end_s in spans_s:
                found: list[tuple[float, T]] = []
                here = replace(part, start_s=begin_s)
                if _seek(container, stream, here, 0.0):
                    for time_s, frame in _timed(container, stream, here, Tally()):
                        if time_s >= end_s:
                            break
                        if time_s >= begin_s and not frame.is_corrupt:
                            found.append((time_s, made_of(frame)))
                yield found
    except av.FFmpegError as error:
        raise unreadable(part.path, str(error)) from None
