"""What the user is told of a clip that was made, though not quite as asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clipmill_render.domain.captions import Caption
from clipmill_render.domain.crop import CropPath
from clipmill_render.domain.layout import Layout
from clipmill_render.domain.logo import Stand
from clipmill_render.domain.loudness import TOLERANCE_LU, Measured
from clipmill_render.domain.note import Note
from clipmill_render.domain.scenes import Scene

# A glimpse without a face is not worth a word.
SHORTEST_WITHOUT_FACE_S = 0.5


NO_WORDS = Note("NO_CAPTIONS_NO_WORDS", "Nobody says a word in this clip, so it has no captions.")


def of_picture(layout: Layout, scenes: Sequence[Scene]) -> Iterator[Note]:
    """Where the crop had to guess, and a source that is too small."""
    path = CropPath(tuple(glide for scene in scenes for glide in scene.glides))
    for code, shots, shown in (
        ("CENTRE_CROP", path.at_centre, "the picture's centre"),
        ("SALIENT_CROP", path.at_what_strikes, "what strikes most in the picture"),
    ):
        spans = [s for s in shots if s.end_s - s.start_s >= SHORTEST_WITHOUT_FACE_S]
        if spans:
            times = ", ".join(f"{s.start_s:.1f} to {s.end_s:.1f} s" for s in spans)
            yield Note(code, f"No face is seen from {times} of the clip: {shown} is shown there.")
    if layout.limited:
        yield Note(
            "SMALL_SOURCE",
            f"The source is small: its crop was enlarged {layout.enlargement:g} times, to "
            f"{layout.width}x{layout.height}, and no further.",
        )


def fewer_cuts(spared: int, least_s: float) -> Note:
    """Of fillers and pauses that stayed."""
    what = "a filler or pause was" if spared == 1 else f"{spared} fillers and pauses were"
    return Note("FEWER_CUTS", f"{what.capitalize()} not cut, so that the clip lasts {least_s:g} s as asked.")


def of_glyphs(scripts: Sequence[str]) -> Iterator[Note]:
    """Letters that no font here has; they are left out of burnt-in captions."""
    if scripts:
        names = ", ".join(script.capitalize() for script in scripts[:5])
        yield Note(
            "CAPTIONS_LACK_GLYPHS",
            f"No font here draws some letters ({names}): burnt-in captions leave them out, subtitles have them. "
            "`make fonts` installs fonts for Chinese, Japanese, Korean, Arabic, Hebrew, Devanagari and Thai.",
        )


def of_places(over_face: Sequence[Caption]) -> Iterator[Note]:
    """Captions that no place keeps off a face."""
    if over_face:
        times = ", ".join(f"{c.start_cs / 100:.1f} s" for c in over_face[:5]) + (" ..." if len(over_face) > 5 else "")
        yield Note(
            "CAPTION_OVER_FACE", f"The face fills so much of the picture that captions lie over it from {times} on."
        )


def of_logo(stands: Sequence[Stand]) -> Iterator[Note]:
    """A logo that no corner keeps off a face."""
    if spans := [stand.shot for stand in stands if stand.over_face]:
        times = ", ".join(f"{s.start_s:.1f} to {s.end_s:.1f} s" for s in spans[:5]) + (" ..." if len(spans) > 5 else "")
        yield Note(
            "LOGO_OVER_FACE", f"A face takes every corner from {times} of the clip: the logo lies over it there."
        )


def of_colours(transfer: str) -> Iterator[Note]:
    """A source whose brightest parts no screen for SDR can show; `transfer` as ffmpeg names it, "" for SDR."""
    if transfer:
        kind = {"smpte2084": "PQ", "arib-std-b67": "HLG"}[transfer]
        yield Note("HDR_TONE_MAPPED", f"The source is HDR ({kind}): its colours were brought to SDR (BT.709).")


def of_loudness(result: Measured | None, target_lufs: float) -> Iterator[Note]:
    """A sound that has not the loudness promised."""
    if result is None:
        return
    if result.is_silent:
        yield Note("SILENT_SOUND", "The clip's sound is silent, so its loudness was left as it is.")
    elif abs(result.loudness_lufs - target_lufs) > TOLERANCE_LU:
        yield Note(
            "LOUDNESS_MISSED",
            f"The clip's loudness is {result.loudness_lufs:.1f} LUFS, not {target_lufs:.0f}: its sound is too quiet or "
            "too uneven for more.",
        )
