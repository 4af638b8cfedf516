"""Runs in a child process: makes one clip, its subtitles and its thumbnail, and looks at what it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from clipmill.clips.v1.clips_pb2 import CAPTION_STYLE_NONE, LAYOUT_FILL, Branded, LeftOut, Logo, RenderTask, ShotLayout
from clipmill.common.v1.common_pb2 import PROFILE_BEST, TimeRange
from clipmill.media.v1.media_pb2 import MediaInfo
from clipmill_render import commands, ffmpeg
from clipmill_render.branding import Branding, Ground
from clipmill_render.captioning import Burnt, Scenery, burn, lettering_of, spoken, write_subtitles
from clipmill_render.check import TOLERANCE_S, CheckFailedError, Expected, check, require
from clipmill_render.colour import colours_of
from clipmill_render.commands import Cut, Drawing, Encoding
from clipmill_render.domain import notes
from clipmill_render.domain.assembly import Assembly
from clipmill_render.domain.clock import seen_in
from clipmill_render.domain.graph import Canvas, Coded, Timing, framing
from clipmill_render.domain.layout import Layout, layout_for
from clipmill_render.domain.logo import Stand, longest
from clipmill_render.domain.loudness import USUAL_LUFS, Gain, Measured
from clipmill_render.domain.note import Note
from clipmill_render.domain.retimed import retimed_seen, retimed_turns
from clipmill_render.domain.scenes import Scene, scenes_of
from clipmill_render.domain.shown import faces_shown, share_in_frame
from clipmill_render.domain.speakers import turns_in
from clipmill_render.editing import kept_of
from clipmill_render.encoder import SOFTWARE, Encoder, encoder_for
from clipmill_render.evidence import caption_frames, captions_seen, loudness_missed, sound_lag_s
from clipmill_render.exchange import Request, Result
from clipmill_render.exporting import write_exports
from clipmill_render.mixing import Mix, speech_in
from clipmill_render.soundtrack import soundtrack
from clipmill_render.thumbnail import best_still, still_times
from clipmill_shared.compute import Report

MAX_FPS = 60
ENCODINGS = {True: ("medium", 18), False: ("veryfast", 21)}
# The shares of the work after which it is reported: the sound is measured, the clip is made, the clip is checked.
MEASURED, MADE = 0.05, 0.95
# A clip whose speaking face is out of the picture for more than the rest is none.
LEAST_FACES = 0.8


@dataclass(frozen=True)
class Made:
    """A clip as it was written, and what is needed to look whether it is what was meant."""

    timing: Timing
    layout: Layout
    scenes: Sequence[Scene]
    # None without sound.
    gain: Gain | None
    encoder: Encoder
    # Frames of which stills were kept, ascending, and of these those in which a caption stands.
    stills: Sequence[int]
    with_caption: Sequence[int]
    # Of the faces that are to be seen those that are, see share_in_frame.
    faces_in_frame: float | None
    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    thumbnail: Path
    notes: tuple[Note, ...]
    branded: Branded | None

    def still(self, folder: Path, frame: int) -> Path:
        return folder / (commands.STILL % (self.stills.index(frame) + 1))


def render(request: Request, report: Report) -> Result:
    """Make the clip, and look at it. Errors: RENDER_FAILED, RENDER_CHECK_FAILED, DISK_FULL."""
    made = make(request, report)
    report(MADE)
    loudness = checked(request, made)
    return Result(
        video=request.folder / commands.VIDEO,
        files=made.files,
        thumbnail=made.thumbnail,
        width=made.layout.width,
        height=made.layout.height,
        duration_s=made.timing.duration_s,
        loudness_lufs=None if loudness is None or loudness.is_silent else loudness.loudness_lufs,
        layouts=tuple(_told(scene) for scene in made.scenes),
        left_out=made.left_out,
        notes=(*made.notes, *notes.of_loudness(loudness, target_of(request.task))),
        ffmpeg_version=ffmpeg.version(),
        encoder=made.encoder.name,
        encoder_reason=made.encoder.reason,
        branded=made.branded,
    )


def make(request: Request, report: Report) -> Made:
    """Write the clip. Errors: RENDER_FAILED, DISK_FULL."""
    task, folder, info = request.task, request.folder, request.task.info
    kept = kept_of(request)
    timing = timing_of(info, kept.timeline.duration_s)
    cut = Cut.of(request.source, info, task.clip.range.start_s, timing, kept.timeline)
    said: list[Note] = list(kept.notes)

    branding = Branding.of(task.finish.brand, request.assets)
    assembly = branding.assembly(timing)
    whole = assembly.whole
    told = spoken(request, kept.words)
    mix = Mix(assembly, task.finish, branding, request.assets.get("music"), speech_in(request, kept, assembly.begins_s))
    has_sound = info.HasField("audio") or mix.has_sound
    sound = soundtrack(request, cut, told, mix, target_of(task)) if has_sound else None
    report(MEASURED)

    layout = layout_of(task)
    in_range = seen_in(task.clip.range, request.vision)
    seen = retimed_seen(in_range, kept.timeline)
    turns = retimed_turns(turns_in(task.clip.range, in_range, request.cast), kept.timeline)
    scenes = scenes_of(layout, seen, turns, task.layout or LAYOUT_FILL)
    said += notes.of_picture(layout, scenes)
    wanted = task.captions != CAPTION_STYLE_NONE
    faces = faces_shown(layout, scenes, seen.tracks) if told.words or branding.has_logo else []
    scenery = Scenery(layout, seen.shots, faces, timing.duration_s, assembly.begins_s)
    captions = Burnt()
    if told.words:
        captions = burn(task, told, scenery, folder)
        said += captions.notes
    elif wanted:
        said.append(notes.NO_WORDS)
    burnt = wanted and bool(told.words)
    looked = {min(int(time_s * timing.fps), timing.count - 1) for time_s in still_times(seen, timing.duration_s)}
    with_caption = caption_frames((folder / commands.CAPTIONS).read_text("utf-8"), whole) if burnt else []
    stills = sorted({*(frame + assembly.begins for frame in looked), *with_caption})
    colours = colours_of(request.source, info.video)
    said += notes.of_colours(colours.transfer)
    framed = framing(Canvas(layout, _coded(info), timing, colours.mapping), scenes)
    stands = branding.stands(scenery, captions.taken, lettering_of(task, layout)) if branding.has_logo else []
    said += notes.of_logo(stands)
    drawn = branding.drawn(assembly, Ground(layout, colours.drawn), stands, first_input=2 if sound else 1)
    drawing = Drawing(framed, burnt, stills, colours.matrix, branded=drawn.graph, finished=drawn.label)

    def write(encoder: Encoder) -> None:
        graph = commands.clip_graph(cut, info, replace(drawing, upload=encoder.upload))
        (folder / commands.GRAPH).write_text(graph)
        encoding = Encoding(encoder, *ENCODINGS[task.profile == PROFILE_BEST], request.threads)
        ffmpeg.run(
            commands.clip_command(cut, encoding, sound, branding.inputs),
            folder,
            lambda at_s: report(MEASURED + (MADE - MEASURED) * min(1.0, at_s / whole.duration_s)),
        )

    encoder = encoder_for(request.encoder)
    try:
        write(encoder)
    except ffmpeg.FfmpegError as error:
        if encoder.name == SOFTWARE:
            raise
        # It encoded a trial, and not this: out of its sessions or memory, say.
        encoder = Encoder(SOFTWARE, f"{encoder.name} failed: {error.message}")
        write(encoder)
    return Made(
        timing=whole,
        layout=layout,
        scenes=scenes,
        gain=sound,
        encoder=encoder,
        stills=stills,
        with_caption=with_caption,
        faces_in_frame=share_in_frame(layout, scenes, seen.tracks, turns),
        files=(
            *write_subtitles(told, timing.duration_s, folder, assembly.begins_s),
            *write_exports(request, kept.timeline),
        ),
        left_out=kept.left_out,
        thumbnail=best_still(folder, [frame - assembly.begins for frame in stills], seen, timing),
        notes=tuple(said),
        branded=_branded(request, assembly, stands),
    )


def _branded(request: Request, assembly: Assembly, stands: Sequence[Stand]) -> Branded | None:
    if not request.assets:
        return None
    clip = TimeRange(start_s=assembly.begins_s, end_s=assembly.begins_s + assembly.clip.duration_s)
    corner = longest(stands) if stands else Logo.CORNER_UNSPECIFIED
    return Branded(clip=clip, logo=corner, music="music" in request.assets)


def _told(scene: Scene) -> ShotLayout:
    span = TimeRange(start_s=scene.shot.start_s, end_s=scene.shot.end_s)
    return ShotLayout(range=span, layout=scene.layout, reason=scene.reason)


def checked(request: Request, made: Made) -> Measured | None:
    """Look at all of the clip that was made; the loudness of its sound, None without sound.

    Errors: CheckFailedError, DiskFullError.
    """
    folder, layout, has_sound = request.folder, made.layout, made.gain is not None
    expected = Expected(layout.width, layout.height, made.timing, has_sound)
    shown = check(folder / commands.VIDEO, expected, made.with_caption)
    stills = [made.still(folder, frame) for frame in made.with_caption]
    require(captions_seen(shown, stills), "its captions are not seen")
    share = made.faces_in_frame
    require(share is None or share >= LEAST_FACES, f"its face is out of the picture for {1 - (share or 0):.0%} of it")
    if made.gain is None:
        return None
    try:
        log = ffmpeg.run(commands.result_command(), folder)
    except ffmpeg.FfmpegError as error:
        raise CheckFailedError(f"its sound cannot be decoded ({error})") from error
    lag_s = sound_lag_s(folder)
    require(abs(lag_s) <= TOLERANCE_S, f"its sound is {abs(lag_s):.3f} s too {'late' if lag_s > 0 else 'early'}")
    loudness, target_lufs = commands.measured(log), target_of(request.task)
    missed = loudness_missed(loudness, made.gain, target_lufs)
    require(not missed, f"its loudness is {loudness.loudness_lufs:.1f} LUFS, not {target_lufs:.0f}")
    return loudness


def layout_of(task: RenderTask) -> Layout:
    return layout_for(task.aspect, task.profile, task.info.video.display_width, task.info.video.display_height)


def target_of(task: RenderTask) -> float:
    """The clip's loudness in LUFS."""
    return task.loudness_lufs if task.HasField("loudness_lufs") else USUAL_LUFS


def timing_of(info: MediaInfo, length_s: float) -> Timing:
    """The clip's frames: the source's average rate, as the nearest fraction that video uses, at most MAX_FPS."""
    rate = min(Fraction(info.video.fps).limit_denominator(1001), Fraction(MAX_FPS))
    rate = max(rate, Fraction(1))
    return Timing(max(1, round(length_s * rate)), f"{rate.numerator}/{rate.denominator}", float(rate))


def _coded(info: MediaInfo) -> Coded:
    turned = info.video.rotation_deg % 180 != 0
    width, height = info.video.width, info.video.height
    return Coded(height, width) if turned else Coded(width, height)
