"""Captions as files: ASS for burning in, SubRip to lie beside the video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clipmill.clips.v1.clips_pb2 import CaptionArea
from clipmill_render.domain.captions import Caption

FONT = "Roboto Black"
# The font's em in parts of the size that ASS asks for, which counts ascent and descent (Roboto: 2048 of 2146 + 555).
EM_OF_FONT_SIZE = 2048 / 2701
WHITE, YELLOW, BLACK, SHADE = "&H00FFFFFF", "&H0000E5FF", "&H00000000", "&H80000000"


@dataclass(frozen=True)
class CaptionLook:
    """Where captions stand and how large they are, in pixels of the output.

    The numbers keep text off what the apps draw over a video: in a vertical one about the lowest fifth and a strip at
    the right.
    """

    width: int
    height: int
    em: int
    side_margin: int
    bottom_margin: int
    karaoke: bool

    @property
    def text_width(self) -> int:
        """Pixels for a line, without its outline."""
        return self.width - 2 * self.side_margin - 2 * self.outline

    @property
    def outline(self) -> int:
        return max(1, round(self.em * 0.09))


def look_for(width: int, height: int, area: CaptionArea | None = None, *, karaoke: bool) -> CaptionLook:
    """The look for an output of `width` x `height`: vertical, square or wide; `area` says what to keep off."""
    ratio = width / height
    size, side, bottom = (0.085, 0.12, 0.25) if ratio < 0.8 else (0.07, 0.08, 0.10)
    if ratio > 1.3:
        size, side, bottom = 0.07, 0.15, 0.08
    if area is not None:
        side, bottom = area.side, area.bottom
    em = round(min(width, height) * size * (1.0 if karaoke else 0.8))
    return CaptionLook(width, height, em, round(width * side), round(height * bottom), karaoke)


def ass_of(captions: Sequence[Caption], look: CaptionLook) -> str:
    """An ASS file. Karaoke lights each word while it is said; block shows plain text in a box."""
    size = look.em / EM_OF_FONT_SIZE
    border = f"1,{look.outline},0" if look.karaoke else f"3,{round(look.em * 0.25)},0"
    outline = BLACK if look.karaoke else SHADE
    style = f"Caption,{FONT},{size:.1f},{WHITE},{WHITE},{outline},{SHADE},0,0,0,0,100,100,0,0,{border},2"
    head = [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {look.width}",
        f"PlayResY: {look.height}",
        # Lines are broken here, not by the renderer.
        "WrapStyle: 2",
        "ScaledBorderAndShadow: yes",
        "YCbCr Matrix: None",
        "",
        "[V4+ Styles]",
        "Format: Name,Fontname,Fontsize,PrimaryColour,SecondaryColour,OutlineColour,BackColour,Bold,Italic,Underline,"
        "StrikeOut,ScaleX,ScaleY,Spacing,Angle,BorderStyle,Outline,Shadow,Alignment,MarginL,MarginR,MarginV,Encoding",
        f"Style: {style},{look.side_margin},{look.side_margin},{look.bottom_margin},1",
        "",
        "[Events]",
        "Format: Layer,Start,End,Style,Name,MarginL,MarginR,MarginV,Effect,Text",
    ]
    events = (
        f"Dialogue: 0,{_ass_time(c.start_cs)},{_ass_time(c.end_cs)},Caption,,0,0,0,,{_ass_text(c, size, look.karaoke)}"
        for c in captions
    )
    return "\n".join([*head, *events, ""])


def srt_of(captions: Sequence[Caption]) -> str:
    """A SubRip file."""
    blocks = (
        f"{number}\n{_srt_time(c.start_cs)} --> {_srt_time(c.end_cs)}\n" + "\n".join(c.text_lines) + "\n"
        for number, c in enumerate(captions, 1)
    )
    return "\n".join(blocks)


def escaped(text: str) -> str:
    """Text that libass draws as it stands: no braces that open a tag, no backslash that begins one.

    A backslash is followed by an invisible word joiner, because ASS has no escape for it (mpv does the same).
    """
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}").replace("\n", " ")


def _ass_text(caption: Caption, size: float, karaoke: bool) -> str:
    shrunk = f"{{\\fs{size * caption.shrink:.1f}}}" if caption.shrink < 1 else ""
    parts = list(_lit_words(caption)) if karaoke else [escaped(word.text) for word in caption.words]
    first = caption.lines[0]
    lines = [" ".join(parts[:first]), " ".join(parts[first:])]
    return shrunk + "\\N".join(line for line in lines if line)


def _lit_words(caption: Caption) -> Iterator[str]:
    """Each word with the tags that light it from its beginning until the next word's."""
    length_ms = (caption.end_cs - caption.start_cs) * 10
    starts = [min(max(round(word.start_s * 1000) - caption.start_cs * 10, 0), length_ms) for word in caption.words]
    for word, start, end in zip(caption.words, starts, [*starts[1:], length_ms], strict=True):
        # \t with an end of 0 means the whole event: a word that is lit from the start just has its colour.
        on = f"\\1c{YELLOW}&" if start == 0 else f"\\1c{WHITE}&\\t({start},{start},\\1c{YELLOW}&)"
        off = f"\\t({max(end, 1)},{max(end, 1)},\\1c{WHITE}&)"
        yield f"{{{on}{off}}}{escaped(word.text)}"


def _ass_time(time_cs: int) -> str:
    seconds, hundredths = divmod(time_cs, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{hundredths:02}"


def _srt_time(time_cs: int) -> str:
    seconds, hundredths = divmod(time_cs, 100)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{hundredths:02}0"
