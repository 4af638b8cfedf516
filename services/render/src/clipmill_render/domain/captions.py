"""Words into captions: what is shown together, where its line breaks, and from when to when.

Both choices are one shortest path over the words: each caption costs what makes it hard to read, and the cheapest
sequence of captions wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from clipmill_render.domain.scripts import joined, units

# The width of a text in any unit, the same as a layout's `max_width`.
Measure = Callable[[str], float]

SHORTEST_CS = 10
# A caption stays until the next one if that comes within this, so that captions do not flicker.
HOLD_CS = 40
LINGER_CS = 20
# A pause that ends a caption whatever is lost by it.
PAUSE_S = 1.0
# Lines do not end on these: they belong to what follows.
LEADING_WORDS = frozenset(
    """a an the and or but of to in on at for with from by as that which who is are was were be not my your his her its
    our their this these those i we you he she they it if so because than""".split()  # noqa: SIM905
)
CLAUSE_ENDS = (",", ";", ":", "—", "–", "、", "，", "；", "،", "؛")
SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")


@dataclass(frozen=True)
class SpokenWord:
    """A word in seconds of the clip. `text` is not empty and has no white space around it."""

    text: str
    start_s: float
    end_s: float
    ends_sentence: bool = False
    # From 1; None where that is not known.
    speaker: int | None = None
    is_keyword: bool = False


def breakable(words: Sequence[SpokenWord]) -> Iterator[SpokenWord]:
    """`words`, those of scripts without spaces in pieces between which a line may break, their time shared out."""
    for word in words:
        pieces = units(word.text)
        step_s = (word.end_s - word.start_s) / len(word.text)
        position = 0
        for piece in pieces:
            start_s = word.start_s + step_s * position
            position += len(piece)
            last = position == len(word.text)
            end_s = word.end_s if last else word.start_s + step_s * position
            yield replace(word, text=piece, start_s=start_s, end_s=end_s, ends_sentence=word.ends_sentence and last)


@dataclass(frozen=True)
class CaptionLayout:
    """How much a caption holds: two lines of `max_width` (as `measure` measures) and `max_words`, `max_s` seconds."""

    measure: Measure
    max_width: float
    max_words: int
    max_s: float


@dataclass(frozen=True)
class Caption:
    """Words that are shown together, from `start_cs` to `end_cs` (hundredths of a second of the clip).

    `lines` are the numbers of words in the first line and, if there is one, the second. `shrink` is 1, or less where
    a single word is wider than a line.
    """

    words: tuple[SpokenWord, ...]
    lines: tuple[int, ...]
    start_cs: int
    end_cs: int
    shrink: float = 1.0

    @property
    def text_lines(self) -> tuple[str, ...]:
        texts, first = [], 0
        for count in self.lines:
            texts.append(joined(word.text for word in self.words[first : first + count]))
            first += count
        return tuple(texts)

    @property
    def speaker(self) -> int | None:
        return self.words[0].speaker


def captions_of(words: Sequence[SpokenWord], layout: CaptionLayout, duration_s: float) -> list[Caption]:
    """Captions that hold every word once, in order; their times lie in the clip and do not overlap."""
    line = _Line(words, layout)
    groups = _grouped(line)
    times = _times(
        [words[first].start_s for first, _ in groups], [words[end - 1].end_s for _, end in groups], duration_s
    )
    captions = []
    for (first, end), (start_cs, end_cs) in zip(groups, times, strict=True):
        group = tuple(words[first:end])
        _, split = _best_split(line, first, end)
        lines = (split, len(group) - split) if split else (len(group),)
        widest = max(layout.measure(word.text) for word in group)
        captions.append(Caption(group, lines, start_cs, end_cs, min(1.0, layout.max_width / max(widest, 1e-9))))
    return captions


def later(captions: Sequence[Caption], by_s: float) -> Sequence[Caption]:
    """The captions of a clip that begins at `by_s` of its file, on the file's clock."""
    by_cs = round(by_s * 100)
    if not by_cs:
        return captions
    return [
        replace(
            caption,
            start_cs=caption.start_cs + by_cs,
            end_cs=caption.end_cs + by_cs,
            words=tuple(
                replace(word, start_s=word.start_s + by_cs / 100, end_s=word.end_s + by_cs / 100)
                for word in caption.words
            ),
        )
        for caption in captions
    ]


def _grouped(line: _Line) -> list[tuple[int, int]]:
    """Ranges of words, one a caption: the cheapest way to cut the sequence."""
    words, layout = line.words, line.layout
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(words) + 1):
        options = []
        for first in range(end - 1, max(-1, end - 1 - layout.max_words), -1):
            group = words[first:end]
            if len(group) > 1 and not _may_stay_together(group, layout):
                break
            split_cost, _ = _best_split(line, first, end)
            if len(group) > 1 and split_cost == float("inf"):
                break
            inner = sum(6.0 for word in group[:-1] if _ends_sentence(word))
            following = words[end] if end < len(words) else None
            cost = 2.0 + inner + _break_cost(group[-1], following) + (split_cost if len(group) > 1 else 3.0)
            options.append((best[first][0] + cost, first))
        best.append(min(options))
    groups, end = [], len(words)
    while end:
        groups.append((best[end][1], end))
        end = best[end][1]
    return groups[::-1]


def _may_stay_together(group: Sequence[SpokenWord], layout: CaptionLayout) -> bool:
    if group[1].start_s - group[0].end_s > PAUSE_S or group[1].speaker != group[0].speaker:
        return False
    return group[-1].end_s - group[0].start_s <= layout.max_s


def _best_split(line: _Line, first: int, end: int) -> tuple[float, int]:
    """The cost of the best layout of words `first` to `end`, and how many are in its first line; 0 for a single line,
    inf for none.
    """
    most = line.layout.max_width
    if line.width(first, end) <= most or end - first == 1:
        return 0.0, 0
    best = (float("inf"), 0)
    for split in range(first + 1, end):
        top, bottom = line.width(first, split), line.width(split, end)
        if max(top, bottom) <= most:
            uneven = abs(top - bottom) / most
            cost = 0.5 + 2 * uneven + 0.5 * _break_cost(line.words[split - 1], line.words[split])
            best = min(best, (cost, split - first))
    return best


class _Line:
    """All words in one line, of which any range can be measured: each range is asked for again and again."""

    def __init__(self, words: Sequence[SpokenWord], layout: CaptionLayout) -> None:
        self.words, self.layout = words, layout
        self._text = joined(word.text for word in words)
        self._edges: list[tuple[int, int]] = []
        at = 0
        for word in words:
            at = self._text.index(word.text, at)
            self._edges.append((at, at + len(word.text)))
            at += len(word.text)
        self.width = cache(self._width)

    def _width(self, first: int, end: int) -> float:
        return self.layout.measure(self._text[self._edges[first][0] : self._edges[end - 1][1]])


def _break_cost(word: SpokenWord, following: SpokenWord | None) -> float:
    """What a break after `word` costs the reader."""
    if following is None or _ends_sentence(word):
        return 0.0
    if word.text.endswith(CLAUSE_ENDS):
        return 1.0
    pause = 2.0 if following.start_s - word.end_s > 0.25 else 3.0
    return pause + (3.0 if word.text.lower() in LEADING_WORDS else 0.0)


def _ends_sentence(word: SpokenWord) -> bool:
    return word.ends_sentence or word.text.endswith(SENTENCE_ENDS)


def _times(starts_s: Sequence[float], ends_s: Sequence[float], duration_s: float) -> list[tuple[int, int]]:
    """Whole hundredths, in the clip, ascending, each caption on for at least SHORTEST_CS where there is room."""
    duration, count = int(duration_s * 100), len(starts_s)
    shortest = max(1, min(SHORTEST_CS, duration // max(count, 1)))
    starts: list[int] = []
    for number, start_s in enumerate(starts_s):
        earliest = starts[-1] + shortest if starts else 0
        latest = duration - (count - number) * shortest
        starts.append(max(earliest, min(round(start_s * 100), latest)))
    times = []
    for number, (start, end_s) in enumerate(zip(starts, ends_s, strict=True)):
        following = starts[number + 1] if number + 1 < count else duration
        end = max(round(end_s * 100) + LINGER_CS, start + shortest)
        times.append((start, following if end + HOLD_CS >= following and number + 1 < count else min(end, following)))
    return times
