"""What the user should know of the clips that were chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clipmill_scoring.domain.candidates import Candidates
from clipmill_scoring.domain.diversity import Selection
from clipmill_scoring.domain.features.registry import is_english
from clipmill_scoring.domain.material import Material
from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.timeline import Ints, Timeline


@dataclass(frozen=True)
class Doubt:
    """Something that the user should know of the result."""

    code: str
    message: str


def of_words(timeline: Timeline, *, compared: bool) -> Iterator[Doubt]:
    """What could not be judged of the words; `compared`: whether sentences could be compared, if they had to be."""
    if not timeline.words:
        yield Doubt("NO_SPEECH", "No words were heard, so the clips were chosen by the picture alone.")
        return
    if not is_english(timeline.language):
        yield Doubt(
            "WORDS_NOT_JUDGED",
            f"The words are in the language {timeline.language}; only English words are judged so far, so the "
            "score rests on questions, sentence ends, voice and picture.",
        )
    if not compared:
        yield Doubt(
            "REPEATS_NOT_JUDGED",
            f"The sentence encoder does not know the language {timeline.language}: clips may say the same.",
        )


def of_request(ask: Ask, *, judged: bool) -> Iterator[Doubt]:
    """What was asked for in vain."""
    if ask.about and not judged:
        yield Doubt(
            "ABOUT_NOT_JUDGED",
            f"The clips were chosen without {ask.about!r}: no words were heard, or they are in a language that the "
            "sentence encoder does not know.",
        )


def of_cuts(found: Material, these: Candidates, chosen: Ints, *, words: bool) -> Iterator[Doubt]:
    """What is not as it should be of the chosen clips' beginnings and endings; those beyond `these` are joined."""
    units, spoken = found.units, found.spoken
    plain = chosen[chosen < len(these)]
    if words and not spoken and len(chosen):
        yield Doubt(
            "TOO_LITTLE_SPEECH",
            "No run of sentences has the asked duration, so the clips are cut at changes of shot, outside words.",
        )
    unclean = int((~(units.clean_start[these.first[plain]] & units.clean_end[these.last[plain]])).sum())
    if unclean:
        which = f"{unclean} of {len(chosen)} clips begin or end"
        yield (
            Doubt("CUT_AT_PAUSE", f"{which} at a pause, as no sentence end was near.")
            if spoken
            else Doubt("CUT_INSIDE_SHOT", f"{which} inside a shot, as it is long.")
        )


def of_selection(these: Candidates, selection: Selection, said: Said) -> Iterator[Doubt]:
    """What the selection had to leave undone."""
    again = int((said.again(selection.chosen) > 0).sum())
    if again:
        yield Doubt("CLIPS_REPEAT", f"{_sentences(again)} said in more than one clip, as other clips are weaker still.")
    if not selection.is_proven:
        yield Doubt(
            "SELECTION_NOT_PROVEN", "A better set of clips was not ruled out in time: much is said again and again."
        )
    if these.left_out:
        yield Doubt("CANDIDATES_THINNED", f"{len(these)} of {these.found} possible clips were scored, evenly chosen.")


def _sentences(count: int) -> str:
    return "One sentence is" if count == 1 else f"{count} sentences are"
