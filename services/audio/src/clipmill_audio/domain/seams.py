"""Joins lines. Those that were cut in the middle of speech share half a second of sound, and repeat or tear words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clipmill_audio.domain.timed import HeardWord, Line, Span

# A word that begins or ends this close to its line's edge may be what is left of a torn one.
EDGE_S = 0.05
# A word that goes on into the next line's within this time ends no sentence, whatever the cut line's last stop says.
GAP_S = 0.15


@dataclass(frozen=True)
class _Pair:
    """One word heard twice: its place in the left and in the right line."""

    left: int
    right: int


def join(lines: Sequence[Line]) -> list[HeardWord]:
    """The words of all lines, each once. Lines are in order of their start.

    Only words in the sound that two neighbouring lines share can be dropped, so that a word that is truly said twice
    stays: both lines hear it twice.
    """
    kept = [list(line.words) for line in lines]
    for number in range(1, len(lines)):
        left, right = lines[number - 1], lines[number]
        shared = Span(right.start_s, min(left.end_s, right.end_s))
        if shared.length_s <= 0:
            continue
        left_stop, right_from = _cut(left, right, shared)
        # The left line may have lost words to its own left neighbour already: count from its end.
        dropped = len(left.words) - left_stop
        kept[number - 1] = kept[number - 1][: max(0, len(kept[number - 1]) - dropped)]
        kept[number] = kept[number][right_from:]
        if kept[number - 1] and kept[number]:
            last = kept[number - 1][-1]
            if kept[number][0].start_s - last.end_s < GAP_S:
                kept[number - 1][-1] = replace(last, cut_after=True)
    return [word for words in kept for word in words]


def _cut(left: Line, right: Line, shared: Span) -> tuple[int, int]:
    """How many words of the left line to keep, and from which word on the right line's."""
    middle_s = (shared.start_s + shared.end_s) / 2
    pairs = _heard_twice(left, right, shared)
    if pairs:
        best = min(pairs, key=lambda p: abs(left.words[p.left].centre_s + right.words[p.right].centre_s - 2 * middle_s))
        # The one further from its line's edge was heard with more of what surrounds it.
        if left.end_s - left.words[best.left].end_s > right.words[best.right].start_s - right.start_s:
            return best.left + 1, best.right + 1
        return best.left, best.right
    return _without_torn(left, right)


def _without_torn(left: Line, right: Line) -> tuple[int, int]:
    """Drop what is left of a word that one line's edge tore and the other line heard whole."""
    stop, begin = len(left.words), 0
    if not left.words or not right.words:
        return stop, begin
    last, first = left.words[-1], right.words[0]
    last_rivals = [word for word in right.words if _claim_the_same(last, word)]
    first_rivals = [word for word in left.words if _claim_the_same(first, word)]
    last_torn = left.end_s - last.end_s < EDGE_S and bool(last_rivals)
    first_torn = first.start_s - right.start_s < EDGE_S and bool(first_rivals)
    if last_torn and first_torn and last_rivals == [first]:
        # Each is the other's only rival: both are torn, and the longer is the more complete.
        return (stop, 1) if last.length_s >= first.length_s else (stop - 1, 0)
    return stop - int(last_torn), int(first_torn)


def _claim_the_same(one: HeardWord, other: HeardWord) -> bool:
    return one.shared_s(other) > min(one.length_s, other.length_s) / 2


def _heard_twice(left: Line, right: Line, shared: Span) -> list[_Pair]:
    """The words that both lines heard: those pairs of one text, in order, that claim the most time together."""
    lefts = [i for i, word in enumerate(left.words) if shared.shared_s(word) > 0]
    rights = [j for j, word in enumerate(right.words) if shared.shared_s(word) > 0]
    # best[a][b]: the pairs among the first a and b words, and the seconds that they claim together.
    empty: tuple[float, tuple[_Pair, ...]] = (0.0, ())
    best = [[empty] * (len(rights) + 1) for _ in range(len(lefts) + 1)]
    for a, i in enumerate(lefts, 1):
        for b, j in enumerate(rights, 1):
            choices = [best[a - 1][b], best[a][b - 1]]
            one, other = left.words[i], right.words[j]
            if _claim_the_same(one, other) and plain(one.text) == plain(other.text):
                seconds, pairs = best[a - 1][b - 1]
                choices.append((seconds + one.shared_s(other), (*pairs, _Pair(i, j))))
            best[a][b] = max(choices, key=lambda choice: choice[0])
    return list(best[-1][-1][1])


def plain(text: str) -> str:
    """A word without its case and punctuation, for comparing."""
    return "".join(letter for letter in text.casefold() if letter.isalnum()) or text
