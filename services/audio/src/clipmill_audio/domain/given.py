"""A transcript that is given instead of being recognised: SubRip, WebVTT or plain text, to the words that are said."""

from __future__ import annotations

import codecs
import re
from html import unescape

from clipmill_shared.errors import ClipmillError

# A line of SubRip's or WebVTT's times; what follows on it is about the place on the screen.
_TIMES = re.compile(r"^\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}.*$")
_NUMBER = re.compile(r"^\s*\d+\s*$")
# WebVTT's blocks that nobody says.
_ASIDE = re.compile(r"^(?:WEBVTT|NOTE|STYLE|REGION)\b")
_TAGS = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,200}\}")
# "[applause]", "(laughs)", music: told, not said.
_TOLD = re.compile(r"\[[^\[\]]{0,200}\]|\([^()]{0,60}\)|[♪♫#]")
# Who speaks: "HOST:", "JOHN SMITH:", ">> Ann:", and the dash of a dialogue.
_SPEAKER = re.compile(
    r"^\s*(?:>>+\s*(?:[A-Z][\w.'-]*(?: [A-Z][\w.'-]*){0,2}:)?|[A-Z][A-Z .'-]{0,30}:(?!\d)|[-–—]\s)\s*"
)
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class TranscriptError(ClipmillError):
    """A given transcript cannot be used."""


def words_of(content: bytes) -> list[str]:
    """The words as written, in order. Errors: INPUT_TRANSCRIPT_UNREADABLE, INPUT_TRANSCRIPT_EMPTY."""
    text = _decoded(content)
    lines = text.splitlines()
    timed = any(_TIMES.match(line) for line in lines)
    said = _said_in_cues(lines) if timed else lines
    words = [word for line in said for word in _plain_line(line).split() if any(c.isalnum() for c in word)]
    if not words:
        raise TranscriptError(
            "INPUT_TRANSCRIPT_EMPTY",
            "The transcript that was given has no words.",
            "Give a .srt, .vtt or .txt file with what is said, or leave out --transcript.",
        )
    return words


def _decoded(content: bytes) -> str:
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _unreadable(f"byte {error.start} is not {encoding.upper().removesuffix('-SIG')}") from None
    if "\0" in text:
        raise _unreadable("it is no text")
    return text


def _said_in_cues(lines: list[str]) -> list[str]:
    """The lines of text of all cues. Subtitles that roll show a line twice: it is said once."""
    said: list[str] = []
    cue: list[str] | None = None
    before: list[str] = []
    for number, line in enumerate(lines):
        if _TIMES.match(line):
            before, cue = (cue or before), []
        elif not line.strip() or cue is None or _ASIDE.match(line):
            if not line.strip() and cue is not None and (number + 1 == len(lines) or not lines[number + 1].strip()):
                continue
        elif not (_NUMBER.match(line) and number + 1 < len(lines) and _TIMES.match(lines[number + 1])):
            cue.append(line)
            if line not in before:
                said.append(line)
    return said


def _plain_line(line: str) -> str:
    bare = _TOLD.sub(" ", unescape(_TAGS.sub("", line)))
    return _SPEAKER.sub("", bare)


def _unreadable(why: str) -> TranscriptError:
    return TranscriptError(
        "INPUT_TRANSCRIPT_UNREADABLE",
        f"The transcript that was given cannot be read: {why}.",
        "Save it as UTF-8 text: .srt, .vtt or .txt.",
    )
