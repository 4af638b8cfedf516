"""Why this clip, in words: a sentence made of its largest contributions, and a title made of its own text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clipmill_scoring.domain.words import bare, word_list

MAX_TITLE = 70
# Smaller contributions are not worth a word; a drawback is told where it cost more than a shade.
WORTH_SAYING = 0.5
WORTH_BLAMING = 1.5
MAX_PRAISE = 3
# What rounds to nothing.
NO_SHARE = 0.005


@dataclass(frozen=True)
class Added:
    """A feature's value and the points it added; `is_turned` where less of it counts now as more did."""

    name: str
    value: float
    points: float
    is_turned: bool = False


_UNFINISHED = word_list(
    "a an the of in on at to for from by with as into over under about between through and or but nor so if that which "
    "who whose than because my your his her its our their this these is are was were be been has have had will would"
)
# What is said when a feature added points, and when it took some; {v} is its value. Both go on from "This clip".
_SAID: Mapping[str, tuple[str, str]] = {
    "first_person": ("is told from experience", "is told from afar"),
    "second_person": ("speaks to the viewer", "never turns to the viewer"),
    "people": ("is about people", "is not about people"),
    "dialogue": ("lets people speak in their own words", "quotes nobody"),
    "questions": ("asks questions", "asks nothing"),
    "charged": ("has words of feeling", "has few words of feeling"),
    "casual": ("sounds like everyday talk", "sounds like a lecture"),
    "contrast": ("turns against what one expects", "goes straight on"),
    "numbers": ("names numbers", "names no numbers"),
    "word_length": ("uses short words", "uses long words"),
    "sentence_length": ("keeps its sentences short", "has long sentences"),
    "hook": ("opens with a hook", "opens without a hook"),
    "opening": ("begins with a thought of its own", "begins amid a thought"),
    "closing": ("ends with its thought", "ends before its thought does"),
    "answered": ("leaves no question open", "asks or answers across its edge"),
    "edges": ("begins and ends in silence", "begins or ends with hardly a pause"),
    "unity": ("keeps to one subject", "changes its subject"),
    "readability": ("is easy to follow", "is hard to follow"),
    "sentiment_arc": ("has a turn of feeling that its viewers like", "has a turn of feeling that its viewers dislike"),
    "novelty": ("stands out of the rest as its viewers like", "stands out of the rest less than its viewers like"),
    "shot_rhythm": ("is cut as its viewers like", "is cut as its viewers dislike"),
    "facing": ("faces the camera as its viewers like", "faces the camera otherwise than its viewers like"),
    "face_height": ("shows faces as near as its viewers like", "shows faces otherwise than its viewers like"),
    "text_on_screen": ("has as much to read as its viewers like", "has more or less to read than its viewers like"),
    "pitch_range": ("is spoken as melodiously as its viewers like", "is spoken less as its viewers like"),
    "rate_variation": ("changes its pace as its viewers like", "changes its pace as its viewers dislike"),
    "overlap_share": ("has voices that meet as its viewers like", "has voices that meet as its viewers dislike"),
    "music_share": ("has as much music as its viewers like", "has more or less music than its viewers like"),
    "still_share": ("has as much stillness as its viewers like", "has more or less stillness than its viewers like"),
    "duration_fit": ("has a good length ({v:.0%} fit)", "has an unusual length"),
    "speech_rate": ("is spoken briskly ({v:.1f} words a second)", "is spoken slowly ({v:.1f} words a second)"),
    "pause_share": ("has hardly any pauses", "is silent for {v:.0%} of its time"),
    "energy": ("is spoken louder than the rest", "is spoken softer than the rest"),
    "energy_variation": ("has a lively voice", "has an even voice"),
    "face_share": ("shows a face {v:.0%} of the time", "shows a face only {v:.0%} of the time"),
    "faces": ("keeps to one or two faces", "shows many faces"),
    "motion": ("has movement in the picture", "has a still picture"),
    "joined": ("comes back to its subject", "leaps to where its subject comes back"),
    "cuts": ("changes shots often", "changes shots seldom"),
    "about": ("is about what was asked for", "is hardly about what was asked for"),
    "sharpness": ("is sharper than the rest", "is less sharp than the rest"),
}


def reason(features: Sequence[Added]) -> str:
    """One sentence: the largest contributions first, and the largest drawback when there is one worth a word."""
    ranked = sorted(features, key=lambda feature: -abs(feature.points))
    praise = [_said(feature) for feature in ranked if feature.points >= WORTH_SAYING][:MAX_PRAISE]
    blame = [_said(feature) for feature in ranked if feature.points <= -WORTH_BLAMING][:1]
    if not praise:
        return f"The best there was, though this clip {blame[0]}." if blame else "Nothing sets this clip apart."
    return f"This clip {_and(praise)}{f', but {blame[0]}' if blame else ''}."


def title(sentences: Sequence[str], hooks: Sequence[float]) -> str:
    """The sentence with the strongest hook among those that fit, else the first, cut at a word; empty without any.

    A question with which the clip ends is none while another sentence fits: the clip does not answer it.
    """
    if not sentences:
        return ""
    fitting = [k for k, sentence in enumerate(sentences) if len(sentence) <= MAX_TITLE]
    if len(fitting) > 1 and fitting[-1] == len(sentences) - 1 and sentences[-1].rstrip().endswith("?"):
        fitting.pop()
    best = sentences[max(fitting, key=lambda k: (hooks[k], -k))] if fitting else sentences[0]
    best = best.strip().rstrip(".,;:")
    if len(best) > MAX_TITLE:
        # A title that breaks off after "in the" reads as an accident.
        words = best[:MAX_TITLE].rsplit(" ", 1)[0].split()
        while len(words) > 1 and bare(words[-1]) in _UNFINISHED:
            words.pop()
        best = " ".join(words).rstrip(".,;:?!- ") + "…"
    return best[:1].upper() + best[1:]


def _said(feature: Added) -> str:
    if feature.name == "face_share" and feature.value < NO_SHARE:
        return "shows no face"
    good, bad = _SAID[feature.name]
    return (good if (feature.points > 0) != feature.is_turned else bad).format(v=feature.value)


def _and(phrases: Sequence[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
