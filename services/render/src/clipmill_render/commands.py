"""The command lines: measuring the sound, making the clip, measuring the result."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from clipmill.media.v1.media_pb2 import FIELD_ORDER_TOP_FIRST, MediaInfo, VideoStream
from clipmill_render.domain.graph import FRAMED, STEADY, Timing
from clipmill_render.domain.loudness import Gain, Measured
from clipmill_render.domain.timeline import Timeline
from clipmill_render.encoder import Encoder
from clipmill_render.ffmpeg import INPUT_LIMITS

SOUND, VIDEO, CAPTIONS, FONTS, GRAPH = "sound.wav", "clip.mp4", "captions.ass", "fonts", "graph.txt"
STILL = "still-%02d.jpg"
HEARD, MEANT = "heard.f32", "meant.f32"
# Enough to place a sound to half a millisecond.
COMPARED_HZ = 2000
RATE_HZ = 48000
# A join is faded with what lies beyond it.
JOIN_S = 0.05
# Seeking in these finds a time, not a keyframe: begin early, and drop what comes before.
WITHOUT_INDEX = frozenset({"mpegts", "mpeg", "mpegvideo", "ogg"})
EARLY_S = 12.0
_LOUDNESS = re.compile(r"\bI:\s+(-?[\d.]+|-inf|nan) LUFS")
_PEAK = re.compile(r"\bPeak:\s+(-?[\d.]+|-inf|nan) dBFS")


@dataclass(frozen=True)
class Cut:
    """The clip in the source file: container seconds, and how much earlier the decoder starts."""

    source: Path
    start_s: float
    early_s: float
    timing: Timing
    timeline: Timeline

    @classmethod
    def of(cls, source: Path, info: MediaInfo, start_s: float, timing: Timing, timeline: Timeline) -> Cut:
        early_s = min(start_s, EARLY_S) if info.container.split(",")[0] in WITHOUT_INDEX else 0.0
        return cls(source, info.start_s + start_s, early_s, timing, timeline)

    @property
    def range_s(self) -> float:
        """How much of the source is decoded; what is left out of it is cut afterwards."""
        return self.timing.duration_s if self.timeline.is_whole else self.timeline.pieces[-1].end_s + JOIN_S

    @property
    def input(self) -> list[str]:
        """Arguments that open the source a little before the clip. Times stay the container's own: only so do ffmpeg's
        corrections for streams that begin apart, and for streams that are not used, leave them alone."""
        return [
            *INPUT_LIMITS,
            # The frame before the clip is needed too: it may last into it.
            "-copyts", "-seek_timestamp", "1", "-noaccurate_seek",
            "-ss", f"{self.start_s - self.early_s:.6f}",
            "-i", f"file:{self.source}",
        ]  # fmt: skip

    @property
    def shift(self) -> str:
        """The filters' times, counted from the clip's beginning."""
        return f"PTS-round({self.start_s:.6f}/TB)"


def sound_command(cut: Cut, info: MediaInfo) -> list[str]:
    """Decodes the sound of the clip's range, if whole exactly as long as its picture, into SOUND; logs its loudness."""
    length_s = cut.range_s
    filters = (
        f"asetpts={cut.shift},aresample={RATE_HZ}:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo,"
        f"atrim=end={length_s:.6f},apad=whole_dur={length_s:.6f},ebur128=peak=true:framelog=quiet"
    )
    return [*cut.input, "-map", f"0:{info.audio.index}", "-af", filters, "-c:a", "pcm_f32le", SOUND]


def edited_command() -> list[str]:
    """Logs the loudness of SOUND."""
    return [*INPUT_LIMITS, "-i", SOUND, "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]


def gained_command(gain: Gain) -> list[str]:
    """Logs the loudness that SOUND has after `gain`; its peaks between the samples would cost three times as much."""
    filters = f"{gain.quick_filters},ebur128=peak=sample:framelog=quiet"
    return [*INPUT_LIMITS, "-i", SOUND, "-af", filters, "-f", "null", "-"]


def result_command() -> list[str]:
    """Decodes the sound of VIDEO, and fails where that cannot be done; logs its loudness, and writes HEARD beside what
    was MEANT, to compare.
    """
    # From time 0 on, so that a sound that begins late is seen to.
    compared = f"aresample={COMPARED_HZ}:async=1:first_pts=0"
    return [
        "-xerror", "-err_detect", "explode", *INPUT_LIMITS, "-i", VIDEO, *INPUT_LIMITS, "-i", SOUND,
        "-map", "0:a:0", "-af", "ebur128=peak=sample:framelog=quiet", "-f", "null", "-",
        "-map", "0:a:0", "-af", compared, "-ac", "1", "-f", "f32le", HEARD,
        "-map", "1:a:0", "-af", compared, "-ac", "1", "-f", "f32le", MEANT,
    ]  # fmt: skip


def measured(log: str) -> Measured:
    """What ebur128 logged at the end. Silence is -70 LUFS."""
    loudness, peak = _LOUDNESS.findall(log)[-1], _PEAK.findall(log)[-1]
    return Measured(_number(loudness), _number(peak))


def _number(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else -70.0


@dataclass(frozen=True)
class Encoding:
    """How the picture is compressed."""

    encoder: Encoder
    preset: str
    crf: int
    threads: int


@dataclass(frozen=True)
class Drawing:
    """What happens to the picture: `framing` is a graph from [steady] to [framed] (domain.graph), `captions` are burnt
    in, `stills` are kept (frames).

    `matrix` tags frames whose colours are not tagged.
    """

    framing: str
    captions: bool
    stills: list[int]
    matrix: str
    # Filters that hand the picture to the encoder's device.
    upload: tuple[str, ...] = ()
    # Filters from [framed] to `finished`, the file's frames, where a brand is drawn.
    branded: str = ""
    finished: str = FRAMED


def clip_graph(cut: Cut, info: MediaInfo, drawing: Drawing) -> str:
    """The filter graph: the source's picture to [picture] and, before captions are drawn, stills to [stills]."""
    timing = cut.timing
    # A steady rate first: it repeats or drops frames by their times, so variable rates and late starts come right.
    # tpad and trim make it exactly as many frames as asked; the last one may last long in a source of variable rate.
    steady = [f"setpts={cut.shift}", *_deinterlacing(info.video)]
    steady += [f"fps={timing.rate}:start_time=0", f"tpad=stop_mode=clone:stop_duration={_longest_frame_s(info):.3f}"]
    if cut.timeline.is_whole:
        steady += [f"trim=end_frame={timing.count}"]
    else:
        kept = cut.timeline.frames(timing.fps, timing.count)
        chosen = "+".join(f"between(n,{first},{last})" for first, last in kept)
        rate = Fraction(timing.rate)
        renumbered = f"setpts=N*{rate.denominator}/({rate.numerator}*TB)"
        steady += [f"trim=end_frame={kept[-1][1] + 1}", f"select='{chosen}'", renumbered]
    coloured = [f"setparams=colorspace={drawing.matrix}"] if drawing.matrix else []
    chain = ",".join([*steady, *coloured])
    tail = ([f"ass={CAPTIONS}:fontsdir={FONTS}"] if drawing.captions else []) + ["format=yuv420p", *drawing.upload]
    chosen = "+".join(f"eq(n,{frame})" for frame in drawing.stills)
    return (
        f"[0:{info.video.index}]{chain}[{STEADY}];\n{drawing.framing};\n"
        f"{drawing.branded}{';' * bool(drawing.branded)}\n[{drawing.finished}]split=2[plain][looked];\n"
        f"[plain]{','.join(tail)}[picture];\n"
        f"[looked]select='{chosen}',scale=out_range=pc,format=yuvj420p[stills]"
    )


def _deinterlacing(picture: VideoStream) -> list[str]:
    if picture.unflagged_fields:
        parity = "tff" if picture.unflagged_fields == FIELD_ORDER_TOP_FIRST else "bff"
        return [f"bwdif=mode=send_frame:deint=all:parity={parity}"]
    return ["bwdif=mode=send_frame:deint=interlaced"] if picture.interlaced else []


def clip_command(cut: Cut, encoding: Encoding, sound: Gain | None, others: Sequence[Sequence[str]] = ()) -> list[str]:
    """Makes VIDEO and STILLs from the source, SOUND and the GRAPH, in one run; `others` open further inputs."""
    keyframes = max(1, round(2 * cut.timing.fps))
    command = [
        *encoding.encoder.before,
        "-threads", str(encoding.threads), "-filter_complex_threads", str(encoding.threads),
        *cut.input,
        *([*INPUT_LIMITS, "-i", SOUND] if sound else []),
        *(argument for other in others for argument in other),
        "-/filter_complex", GRAPH,
        "-map", "[picture]",
        *encoding.encoder.arguments(encoding.preset, encoding.crf),
        "-g", str(keyframes), "-threads", str(encoding.threads), "-fps_mode", "passthrough",
        "-color_range", "tv",
    ]  # fmt: skip
    if sound:
        command += ["-map", "1:a", "-af", f"{sound.filters},aresample={RATE_HZ}", "-c:a", "aac", "-b:a", "160k"]
        command += ["-ac", "2"]
    return [
        *command,
        "-map_metadata", "-1", "-map_chapters", "-1", "-bitexact", "-movflags", "+faststart", VIDEO,
        "-map", "[stills]", "-fps_mode", "passthrough", "-q:v", "3", "-f", "image2", STILL,
    ]  # fmt: skip


def _longest_frame_s(info: MediaInfo) -> float:
    """For how long the last frame may be repeated: a steady source that ends early is broken, and shall be seen so."""
    return info.duration_s if info.video.variable_frame_rate else 0.5
