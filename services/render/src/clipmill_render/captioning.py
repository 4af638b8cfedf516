"""Writes what is read: the captions to burn in, and the subtitles beside the video."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clipmill.clips.v1.clips_pb2 import CAPTION_STYLE_NONE, MASKING_SOUND, MASKING_UNSPECIFIED, RenderTask
from clipmill.looks import whole_look
from clipmill.profanity import coarse_in
from clipmill_render import commands
from clipmill_render.domain import notes
from clipmill_render.domain.ass import ass_of
from clipmill_render.domain.captions import CaptionLayout, SpokenWord, breakable, captions_of, later
from clipmill_render.domain.faces import Shot
from clipmill_render.domain.layout import Layout
from clipmill_render.domain.lettering import Lettering, lettered, lettering_for
from clipmill_render.domain.logo import Taken
from clipmill_render.domain.masking import masked
from clipmill_render.domain.note import Note
from clipmill_render.domain.placing import Block, ShownFace, placed
from clipmill_render.domain.scripts import columns, is_unspaced
from clipmill_render.domain.subtitles import srt_of, vtt_of
from clipmill_render.domain.typeface import Typeface, scripts_of
from clipmill_render.exchange import Request
from clipmill_render.font import font_file, typeface

# What a subtitle file's reader is used to: two lines of 42 characters, six seconds.
SUBTITLES = CaptionLayout(columns, 42, 20, 6.0)
# Of a script without spaces, so many pieces are about a word.
PIECES_A_WORD = 3
# For so long a caption may stand; where a word is lit, captions are short.
LIT_S, PLAIN_S = 3.0, 6.0
SRT, VTT = "clip.srt", "clip.vtt"


@dataclass(frozen=True)
class Spoken:
    """What is said in the clip, as it may be shown, and where coarse words are said."""

    words: list[SpokenWord]
    coarse: list[Shot]
    # Whether coarse words are not to be heard, either.
    are_silent: bool
    language: str


@dataclass(frozen=True)
class Scenery:
    """What captions are drawn on."""

    layout: Layout
    shots: Sequence[Shot]
    faces: Sequence[ShownFace]
    duration_s: float
    # Of the file, at which the clip begins.
    begins_s: float = 0.0


@dataclass(frozen=True)
class Burnt:
    """What there is to be told of captions, and where they stand."""

    notes: Sequence[Note] = ()
    taken: Sequence[Taken] = ()


def spoken(request: Request, words: Iterable[SpokenWord]) -> Spoken:
    """`words` of the clip, on its clock, masked where the task asks for it, those that it is about marked."""
    task = request.task
    language = next((part.language for part in request.audio if part.language), "")
    said = list(words)
    coarse: list[Shot] = []
    if task.finish.masking != MASKING_UNSPECIFIED:
        found = masked(said, coarse_in(language))
        said, coarse = found.words, found.spans
    about = {_bare(part) for keyword in request.keywords for part in keyword.split()} - {""}
    if about:
        said = [replace(word, is_keyword=_bare(word.text) in about) for word in said]
    return Spoken(list(breakable(said)), coarse, task.finish.masking == MASKING_SOUND, language)


def lettering_of(task: RenderTask, layout: Layout) -> Lettering:
    """How large captions are, and the area that they, and a logo, keep to."""
    look = whole_look(task.captions, task.finish.look)
    area = task.caption_area if task.HasField("caption_area") else None
    return lettering_for(layout.width, layout.height, look, area)


def burn(task: RenderTask, said: Spoken, scenery: Scenery, folder: Path) -> Burnt:
    """Write the ASS file that is drawn (or may be, by an editor), and its fonts."""
    lettering = lettering_of(task, scenery.layout)
    look, face = lettering.look, typeface(lettering.look.font, lettering.em)
    words = list(lettered(said.words, look))
    lacking = face.lacking(word.text for word in words)
    captions = captions_of(words, _held(lettering, face, words), scenery.duration_s)
    blocks = [
        Block(c, max(map(face.width, c.text_lines)) * c.shrink, _height(len(c.lines), lettering, face))
        for c in captions
    ]
    places = placed(blocks, scenery.faces, scenery.shots, lettering)
    ass = ass_of(later(captions, scenery.begins_s), places.margins, lettering, face)
    (folder / commands.CAPTIONS).write_text(ass, encoding="utf-8")
    fonts = folder / commands.FONTS
    fonts.mkdir()
    for font in face.fonts_of(word.text for word in words):
        path = font_file(font)
        assert path is not None, "a typeface has fonts that are here"
        (fonts / path.name).symlink_to(path)
    if task.captions == CAPTION_STYLE_NONE:
        return Burnt()
    told = [*notes.of_glyphs(scripts_of(lacking)), *notes.of_places(places.over_face)]
    return Burnt(told, [_taken(block, margin, lettering) for block, margin in zip(blocks, places.margins, strict=True)])


def _taken(block: Block, margin: int, lettering: Lettering) -> Taken:
    low = lettering.height - margin
    left, right = (lettering.width - block.width) / 2, (lettering.width + block.width) / 2
    start_s, end_s = block.caption.start_cs / 100, block.caption.end_cs / 100
    return Taken(start_s, end_s, left, low - block.height, right, low + lettering.padding)


def write_subtitles(said: Spoken, duration_s: float, folder: Path, begins_s: float = 0.0) -> tuple[Path, ...]:
    """The files beside the video: SubRip, WebVTT, and ASS as `burn` wrote it. None where nothing is said.

    The clip is `duration_s` long, and begins at `begins_s` of its file.
    """
    if not said.words:
        return ()
    captions = later(captions_of(said.words, SUBTITLES, duration_s), begins_s)
    srt, vtt = folder / SRT, folder / VTT
    srt.write_text(srt_of(captions), encoding="utf-8")
    vtt.write_text(vtt_of(captions, said.language), encoding="utf-8")
    return srt, vtt, folder / commands.CAPTIONS


def _held(lettering: Lettering, face: Typeface, words: Sequence[SpokenWord]) -> CaptionLayout:
    unspaced = sum(is_unspaced(word.text) for word in words) > len(words) / 2
    count = lettering.look.words * (PIECES_A_WORD if unspaced else 1)
    longest_s = LIT_S if lettering.look.spoken_colour else PLAIN_S
    return CaptionLayout(face.width, lettering.text_width, count, longest_s)


def _height(lines: int, lettering: Lettering, face: Typeface) -> float:
    """Pixels, from the text's lower edge to its upper, with its outline and its box."""
    return lines * lettering.em / face.main.em_of_size + 2 * lettering.outline + lettering.padding


def _bare(word: str) -> str:
    return re.sub(r"^\W+|\W+$", "", word).casefold()
