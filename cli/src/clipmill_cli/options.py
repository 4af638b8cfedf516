"""What `clipmill run` can be asked, and how that reads as a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from clipmill.clips.v1.clips_pb2 import Aspect, CaptionLook, CaptionStyle, ClipOptions, Finish, Genre, Layout, Masking
from clipmill.common.v1.common_pb2 import Profile, TimeRange
from clipmill.media.v1.media_pb2 import Live
from clipmill_cli.live import seconds_of
from clipmill_shared.errors import ClipmillError

ASPECTS = {
    "9:16": Aspect.ASPECT_9_16,
    "1:1": Aspect.ASPECT_1_1,
    "16:9": Aspect.ASPECT_16_9,
    "source": Aspect.ASPECT_SOURCE,
}
CAPTIONS = {
    "karaoke": CaptionStyle.CAPTION_STYLE_KARAOKE,
    "block": CaptionStyle.CAPTION_STYLE_BLOCK,
    "none": CaptionStyle.CAPTION_STYLE_NONE,
}
# Those that can be asked for.
LAYOUTS = {
    "auto": Layout.LAYOUT_AUTO,
    "fill": Layout.LAYOUT_FILL,
    "fit": Layout.LAYOUT_FIT,
    "split": Layout.LAYOUT_SPLIT,
}
PROFILES = {"fast": Profile.PROFILE_FAST, "balanced": Profile.PROFILE_BALANCED, "best": Profile.PROFILE_BEST}
EXPORTS = ("otio", "edl", "fcpxml")
MASKINGS = {"text": Masking.MASKING_TEXT, "sound": Masking.MASKING_SOUND}
GENRES = {name.removeprefix("GENRE_").lower(): value for name, value in Genre.items() if value}

if TYPE_CHECKING:
    from clipmill.brand import BrandFile

WEB = ("http://", "https://")
STREAMS = (*WEB, "rtmp://", "rtmps://", "rtsp://", "rtsps://")

Ranges = tuple[tuple[float, float], ...]


def _ranges(_context: click.Context, _option: click.Parameter, told: tuple[str, ...]) -> Ranges:
    """Each FROM-TO in seconds."""
    ranges = []
    for text in told:
        begin, _, end = text.partition("-")
        start_s, end_s = _seconds(begin), _seconds(end)
        if start_s is None or end_s is None:
            raise click.BadParameter(f"{text!r} is no range; say FROM-TO, as in 10:00-40:00.")
        if start_s >= end_s:
            raise click.BadParameter(f"{text!r} ends before it begins.")
        ranges.append((start_s, end_s))
    return tuple(ranges)


def _exports(_context: click.Context, _option: click.Parameter, told: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for name in told.split(",") if name))
    if unknown := [name for name in names if name not in EXPORTS]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(EXPORTS)}.")
    return names


def _look(_context: click.Context, _option: click.Parameter, told: str) -> CaptionLook:
    """A named look, or what a file says."""
    if not told.endswith(".toml"):
        return CaptionLook(name=told) if told else CaptionLook()
    from clipmill.looks import LookError, look_of_toml

    try:
        return look_of_toml(Path(told).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{told} cannot be read: {error}.") from None
    except LookError as error:
        raise click.BadParameter(f"{told}: {error}.") from None


def _brand(_context: click.Context, _option: click.Parameter, told: Path | None) -> BrandFile | None:
    """What a brand's file says; its own files are read when they are sent."""
    if told is None:
        return None
    from clipmill.brand import BrandError, brand_file

    try:
        return brand_file(told)
    except OSError as error:
        raise click.BadParameter(f"{error.filename or told} cannot be read: {error.strerror}.") from None
    except BrandError as error:
        raise click.BadParameter(f"{told}: {error}.") from None


def _names(_context: click.Context, _option: click.Parameter, told: tuple[str, ...]) -> tuple[str, ...]:
    """Each name once, in order; of a file where one of that name is there."""
    names: dict[str, None] = {}
    for text in told:
        try:
            listed = Path(text).read_text("utf-8").splitlines() if "," not in text and Path(text).is_file() else [text]
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{text} cannot be read as text: {error}.") from None
        names |= dict.fromkeys(name.strip() for line in listed for name in line.split(","))
    return tuple(name for name in names if name)


def _seconds(clock: str) -> float | None:
    """A time of h:mm:ss, m:ss or seconds, in seconds; None for anything else."""
    if not re.fullmatch(r"(\d+:([0-5]?\d:)?[0-5]?\d|\d+)(\.\d+)?", clock):
        return None
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


@dataclass(frozen=True)
class Options:
    """The command line of `clipmill run`."""

    video: str
    output: Path | None
    clips: int
    min_s: float | None
    max_s: float | None
    aspect: str | None
    layout: str
    language: str
    asr: str
    transcript: Path | None
    vocabulary: tuple[str, ...]
    speakers: str
    captions: str
    caption_style: CaptionLook
    mask_profanity: str | None
    cut_fillers: bool
    cut_pauses_s: float | None
    exports: tuple[str, ...]
    brand: BrandFile | None
    music: Path | None
    music_below_lu: float | None
    profile: str
    platform: str
    about: str
    genre: str | None
    ranges: Ranges
    as_json: bool
    no_reuse: bool = False
    live: bool = False
    live_for_s: float = 0.0

    def transcript_bytes(self) -> bytes:
        """The given transcript; empty without one. ClipmillError INPUT_UNREADABLE, INPUT_TRANSCRIPT_EMPTY."""
        if self.transcript is None:
            return b""
        try:
            content = self.transcript.read_bytes()
        except OSError as error:
            raise ClipmillError(
                "INPUT_UNREADABLE", f"{self.transcript} cannot be read: {error.strerror}.", "Check the path."
            ) from None
        if not content:
            raise ClipmillError(
                "INPUT_TRANSCRIPT_EMPTY", f"{self.transcript} is empty.", "Give what is said, or no transcript."
            )
        return content

    @property
    def is_url(self) -> bool:
        return self.video.lower().startswith(STREAMS if self.live else WEB)

    @property
    def stream_host(self) -> str:
        """Of an RTMP or RTSP address; empty for all else."""
        is_stream = self.live and self.is_url and not self.video.lower().startswith(WEB)
        return (urlsplit(self.video).hostname or "") if is_stream else ""

    @property
    def live_source(self) -> Live | None:
        return Live(max_s=self.live_for_s) if self.live else None

    def request(self) -> ClipOptions:
        """What is left out has its default, which depends on the platform, from whom it is asked of."""
        return ClipOptions(
            clips=self.clips,
            min_s=self.min_s or 0,
            max_s=self.max_s or 0,
            aspect=ASPECTS[self.aspect] if self.aspect else Aspect.ASPECT_UNSPECIFIED,
            layout=LAYOUTS[self.layout],
            language=self.language,
            asr=self.asr,
            vocabulary=self.vocabulary,
            speakers=self.speakers,
            captions=CAPTIONS[self.captions],
            finish=Finish(
                look=self.caption_style,
                masking=MASKINGS[self.mask_profanity] if self.mask_profanity else Masking.MASKING_UNSPECIFIED,
                cut_fillers=self.cut_fillers,
                cut_pauses_s=self.cut_pauses_s or 0.0,
                exports=self.exports,
            ),
            profile=PROFILES[self.profile],
            platform=self.platform,
            about=self.about,
            genre=GENRES[self.genre] if self.genre else Genre.GENRE_UNSPECIFIED,
            ranges=[TimeRange(start_s=start_s, end_s=end_s) for start_s, end_s in self.ranges],
            no_reuse=self.no_reuse,
        )


def run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Declare the options of `clipmill run` and hand them to `command` as one Options, beside those of its own."""

    def with_options(**values: Any) -> None:
        options = Options(**{field.name: values.pop(field.name) for field in fields(Options)})
        if options.min_s and options.max_s and options.min_s >= options.max_s:
            raise click.UsageError(f"--min ({options.min_s:g} s) must be less than --max ({options.max_s:g} s).")
        if options.music_below_lu and options.music is None:
            raise click.UsageError("--music-below is for music: say --music FILE, too.")
        if options.live_for_s and not options.live:
            raise click.UsageError("--live-for is for live sources: say --live, too.")
        if not options.video:
            raise click.UsageError("VIDEO is empty: name a file or an http(s) address.")
        if "://" in options.video and not options.is_url and not Path(options.video).exists():
            known = (
                f"{', '.join(STREAMS)} are."
                if options.live
                else "http:// and https:// are, rtmp:// and rtsp:// with --live."
            )
            raise click.UsageError(f"{options.video} is no address that can be read: {known}")
        command(options, **values)

    declared: Callable[..., None] = with_options
    for option in reversed(
        (
            click.argument("video", metavar="VIDEO"),
            click.option(
                "-o",
                "--output",
                type=click.Path(file_okay=False, path_type=Path),
                metavar="DIR",
                help="Where the clips go.  [default: VIDEO's name with -clips, here]",
            ),
            click.option(
                "--clips",
                type=click.IntRange(1, 50),
                default=5,
                show_default=True,
                metavar="N",
                help="At most so many.",
            ),
            click.option(
                "--min",
                "min_s",
                type=click.FloatRange(1, 3600),
                metavar="SECONDS",
                help="A clip's least length.  [default: 15, or the platform's]",
            ),
            click.option(
                "--max",
                "max_s",
                type=click.FloatRange(1, 3600),
                metavar="SECONDS",
                help="A clip's greatest length.  [default: 60, or the platform's]",
            ),
            click.option(
                "--platform",
                default="",
                metavar="NAME",
                help="Made for tiktok, reels, shorts, linkedin, x, square or podcast.",
            ),
            click.option("--aspect", type=click.Choice(list(ASPECTS)), help="[default: 9:16, or the platform's]"),
            click.option(
                "--layout",
                type=click.Choice(list(LAYOUTS)),
                default="auto",
                show_default=True,
                help="How the picture fills it: by shot, cropped, whole on its blur, or a window each.",
            ),
            click.option(
                "--language", default="auto", show_default=True, metavar="auto|xx", help="What is spoken (ISO 639-1)."
            ),
            click.option(
                "--asr",
                default="auto",
                show_default=True,
                metavar="ENGINE",
                help="What transcribes: auto, moonshine, whisper, whisper:SIZE or openai.",
            ),
            click.option(
                "--transcript",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                metavar="FILE",
                help="What is said (.srt, .vtt or .txt): its words are placed in the sound instead of recognising.",
            ),
            click.option(
                "--vocabulary",
                multiple=True,
                callback=_names,
                metavar="NAMES|FILE",
                help="Names to be written so, with commas between them, or a file with one a line.",
            ),
            click.option(
                "--speakers",
                default="",
                metavar="find|off|N",
                help="Who speaks when: find out, off, or of N speakers.  [default: find in profile best, else off]",
            ),
            click.option("--captions", type=click.Choice(list(CAPTIONS)), default="karaoke", show_default=True),
            click.option(
                "--caption-style",
                default="",
                callback=_look,
                metavar="NAME|FILE.toml",
                help="How captions look: classic, block, bold, keywords, boxed, quiet, or a file of your own.",
            ),
            click.option(
                "--mask-profanity",
                type=click.Choice(list(MASKINGS)),
                is_flag=False,
                flag_value="text",
                help="Coarse words become f***; with sound, they are silent too.",
            ),
            click.option("--cut-fillers", is_flag=True, help='Cut out "um" and "uh".'),
            click.option(
                "--cut-pauses",
                "cut_pauses_s",
                type=click.FloatRange(0.4, 10),
                metavar="SECONDS",
                help="Shorten pauses longer than this.",
            ),
            click.option(
                "--export",
                "exports",
                default="",
                callback=_exports,
                metavar="otio,edl,fcpxml",
                help="Also each clip as an edit of its source, for editors.",
            ),
            click.option(
                "--brand",
                type=click.Path(exists=True, path_type=Path),
                callback=_brand,
                metavar="FILE.toml|DIR",
                help="Logo, intro, outro and colours: a file, or a folder with a brand.toml.",
            ),
            click.option(
                "--music",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                metavar="FILE",
                help="Played under the clips, quieter while somebody speaks.",
            ),
            click.option(
                "--music-below",
                "music_below_lu",
                type=click.FloatRange(6, 40),
                metavar="LU",
                help="So far under speech.  [default: 18]",
            ),
            click.option("--profile", type=click.Choice(list(PROFILES)), default="fast", show_default=True),
            click.option("--about", default="", metavar="TEXT", help="Only moments about this, in words of your own."),
            click.option("--genre", type=click.Choice(list(GENRES)), help="What counts more in such a video."),
            click.option(
                "--range",
                "ranges",
                multiple=True,
                callback=_ranges,
                metavar="FROM-TO",
                help="Only from here: 10:00-40:00. May be said several times.",
            ),
            click.option(
                "--no-reuse",
                is_flag=True,
                help="Analyse anew, also what an earlier video holds in another encoding.",
            ),
            click.option(
                "--live", is_flag=True, help="VIDEO still grows: a file that is being written, or a stream's address."
            ),
            click.option(
                "--live-for",
                "live_for_s",
                callback=seconds_of,
                metavar="10m",
                help="Of a live source, take so much.  [default: until it ends, or Ctrl-C]",
            ),
            click.option(
                "--json", "as_json", is_flag=True, help="Progress and result as JSON lines on standard output."
            ),
        )
    ):
        declared = option(declared)
    declared.__doc__ = command.__doc__
    declared.__name__ = command.__name__
    return declared
