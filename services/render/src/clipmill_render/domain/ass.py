"""Captions as ASS, for burning in and for editors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from clipmill_render.domain.captions import Caption, SpokenWord
from clipmill_render.domain.lettering import Lettering
from clipmill_render.domain.scripts import gap
from clipmill_render.domain.typeface import Typeface

# libass: one box behind all of an event's lines, without seams where the colour of the text changes.
OUTLINE, BOX_AROUND_LINES = 1, 4
# libass: each line reads from the side that its first letter does.
DIRECTION_BY_TEXT = -1


def ass_of(captions: Sequence[Caption], margins: Sequence[int], lettering: Lettering, typeface: Typeface) -> str:
    """An ASS file: each of `captions` with so many pixels (`margins`) under it."""
    look, face = lettering.look, typeface.main
    border = f"{BOX_AROUND_LINES if look.box_colour else OUTLINE},{lettering.outline},{lettering.padding}"
    white = _paint(look.colour)
    style = (
        f"Caption,{face.family},{lettering.em / face.em_of_size:.1f},{white},{white},"
        f"{_paint(look.outline_colour or '#000000')},{_paint(look.box_colour or '#000000')},"
        f"0,0,0,0,100,100,0,0,{border},2"
    )
    head = [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {lettering.width}",
        f"PlayResY: {lettering.height}",
        # Lines are broken here, not by the renderer.
        "WrapStyle: 2",
        "ScaledBorderAndShadow: yes",
        "YCbCr Matrix: None",
        "",
        "[V4+ Styles]",
        "Format: Name,Fontname,Fontsize,PrimaryColour,SecondaryColour,OutlineColour,BackColour,Bold,Italic,Underline,"
        "StrikeOut,ScaleX,ScaleY,Spacing,Angle,BorderStyle,Outline,Shadow,Alignment,MarginL,MarginR,MarginV,Encoding",
        f"Style: {style},{lettering.side_margin},{lettering.side_margin},{lettering.bottom_margin},{DIRECTION_BY_TEXT}",
        "",
        "[Events]",
        "Format: Layer,Start,End,Style,Name,MarginL,MarginR,MarginV,Effect,Text",
    ]
    events = (
        f"Dialogue: 0,{_time(c.start_cs)},{_time(c.end_cs)},Caption,,0,0,{margin},,{_text(c, lettering, typeface)}"
        for c, margin in zip(captions, margins, strict=True)
    )
    return "\n".join([*head, *events, ""])


def escaped(text: str) -> str:
    """Text that libass draws as it stands: no braces that open a tag, no backslash that begins one.

    A backslash is followed by an invisible word joiner, because ASS has no escape for it (mpv does the same).
    """
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}").replace("\n", " ")


def _text(caption: Caption, lettering: Lettering, typeface: Typeface) -> str:
    size = lettering.em * caption.shrink
    shrunk = f"{{\\fs{size / typeface.main.em_of_size:.1f}}}" if caption.shrink < 1 else ""
    parts = [
        f"{{{tags}}}{text}" if tags else text
        for tags, text in zip(
            _colours(caption, lettering), (_set(word, size, typeface) for word in caption.words), strict=True
        )
    ]
    first = caption.lines[0]
    lines = [_line(caption.words[a:b], parts[a:b]) for a, b in ((0, first), (first, len(parts)))]
    return shrunk + "\\N".join(line for line in lines if line)


def _line(words: Sequence[SpokenWord], parts: Sequence[str]) -> str:
    gaps = [gap(before.text, after.text) for before, after in pairwise(words)]
    return "".join(text for pair in zip(["", *gaps], parts, strict=False) for text in pair)


def _set(word: SpokenWord, size: float, typeface: Typeface) -> str:
    """A word in its fonts, all of the same em."""
    text = ""
    for run in typeface.runs(word.text):
        if run.font == typeface.main:
            text += escaped(run.text)
        else:
            main = typeface.main
            text += (
                f"{{\\fn{run.font.family}\\fs{size / run.font.em_of_size:.1f}}}{escaped(run.text)}"
                f"{{\\fn{main.family}\\fs{size / main.em_of_size:.1f}}}"
            )
    return text


def _colours(caption: Caption, lettering: Lettering) -> Iterator[str]:
    """The tags that give each word its colour, and light it from its beginning until the next word's."""
    look = lettering.look
    length_ms = (caption.end_cs - caption.start_cs) * 10
    starts = [min(max(round(word.start_s * 1000) - caption.start_cs * 10, 0), length_ms) for word in caption.words]
    for word, start, end in zip(caption.words, starts, [*starts[1:], length_ms], strict=True):
        plain = look.keyword_colour if word.is_keyword and look.keyword_colour else look.colour
        if not look.spoken_colour:
            yield _tag(plain) if look.keyword_colour else ""
            continue
        # \t with an end of 0 means the whole event: a word that is lit from the start just has its colour.
        lit = _tag(look.spoken_colour)
        on = lit if start == 0 else f"{_tag(plain)}\\t({start},{start},{lit})"
        yield f"{on}\\t({max(end, 1)},{max(end, 1)},{_tag(plain)})"


def _tag(colour: str) -> str:
    """Colour, and what of it shows through."""
    alpha, rest = _paint(colour)[2:4], _paint(colour)[4:]
    return f"\\1c&H{rest}&" + (f"\\1a&H{alpha}&" if alpha != "00" else "")


def _paint(colour: str) -> str:
    """A colour of a look as ASS writes it: blue first, and transparency for opacity."""
    red, green, blue = colour[1:3], colour[3:5], colour[5:7]
    transparency = 255 - int(colour[7:9] or "ff", 16)
    return f"&H{transparency:02X}{blue}{green}{red}".upper()


def _time(time_cs: int) -> str:
    seconds, hundredths = divmod(time_cs, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{hundredths:02}"
