"""What may be asked of a job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf

from clipmill.clips.v1.clips_pb2 import Aspect, CaptionStyle, ClipOptions, Genre, Layout
from clipmill.common.v1.common_pb2 import Profile
from clipmill_ingest.domain.posting import Rules

MAX_CLIPS = 50
MAX_CLIP_S = 600.0
MAX_ABOUT_CHARACTERS = 300
MAX_RANGES = 20
MAX_CAPTION_SIDE = 0.3
MAX_CAPTION_BOTTOM = 0.6
MAX_SPEAKERS = 20
NO_SPEAKERS, FIND_SPEAKERS = "off", "find"
# Engines take few names as a hint, and each is sought in all that is said.
MAX_NAMES, MAX_NAME_WORDS, MAX_NAME_CHARACTERS = 100, 4, 60
LOUDNESS_LUFS = (-30.0, -8.0)
DEFAULTS = ClipOptions(
    clips=5,
    min_s=15,
    max_s=60,
    aspect=Aspect.ASPECT_9_16,
    language="auto",
    captions=CaptionStyle.CAPTION_STYLE_KARAOKE,
    profile=Profile.PROFILE_FAST,
    asr="auto",
    layout=Layout.LAYOUT_AUTO,
)
# The others are what a shot gets.
LAYOUTS = (Layout.LAYOUT_UNSPECIFIED, Layout.LAYOUT_AUTO, Layout.LAYOUT_FILL, Layout.LAYOUT_FIT, Layout.LAYOUT_SPLIT)
# Which sizes there are, and which engines, is the part audio's to say.
_ASR = re.compile(r"auto|moonshine|openai|whisper(:[a-z0-9.-]{1,30})?")


def complete(options: ClipOptions, rules: Rules | None = None) -> ClipOptions:
    """The options with the defaults for what was not said, as the job pins them; `rules` are the platform's."""
    whole = ClipOptions()
    whole.CopyFrom(DEFAULTS)
    if rules:
        whole.MergeFrom(rules.defaults())
    whole.MergeFrom(options)
    if not whole.speakers:
        # Telling voices apart takes nearly as long as recognising words.
        whole.speakers = FIND_SPEAKERS if whole.profile == Profile.PROFILE_BEST else NO_SPEAKERS
    return rules.fitted(whole) if rules else whole


def wants_speakers(options: ClipOptions) -> bool:
    """True when voices are to be told apart; options of a job of an earlier version do not say."""
    return options.speakers not in ("", NO_SPEAKERS)


def speakers_given(options: ClipOptions) -> int:
    """How many speakers there are said to be; 0 where they are to be found."""
    return int(options.speakers) if re.fullmatch(r"[0-9]{1,2}", options.speakers) else 0


def fault_of(options: ClipOptions) -> tuple[str, str] | None:
    """What is wrong with complete options, and what to do; None when nothing is."""
    if options.clips > MAX_CLIPS:
        return f"{options.clips} clips are more than {MAX_CLIPS}.", f"Ask for 1 to {MAX_CLIPS} clips."
    if not 0 < options.min_s < options.max_s <= MAX_CLIP_S:  # False for NaN, too.
        return (
            f"A clip cannot be {options.min_s:g} s at least and {options.max_s:g} s at most.",
            f"Ask for 0 < min < max <= {MAX_CLIP_S:.0f} s.",
        )
    language = options.language
    if language != "auto" and not (len(language) == 2 and language.isascii() and language.islower()):
        return f"{language[:20]!r} is not a language.", 'Say "auto" or a code of two letters: "en".'
    if not _ASR.fullmatch(options.asr):
        return f"{options.asr[:40]!r} is no engine.", "Say auto, moonshine, openai, whisper or whisper:SIZE."
    if options.speakers not in (NO_SPEAKERS, FIND_SPEAKERS) and not 1 <= speakers_given(options) <= MAX_SPEAKERS:
        return (
            f"{options.speakers[:20]!r} says neither how many speakers there are nor whether to find them.",
            f"Say find, off, or how many: 1 to {MAX_SPEAKERS}.",
        )
    if fault := _fault_of_names(options.vocabulary):
        return fault
    area = options.caption_area
    if not (0 <= area.side <= MAX_CAPTION_SIDE and 0 <= area.bottom <= MAX_CAPTION_BOTTOM):
        return (
            f"Captions cannot keep off {area.side:g} of the width and {area.bottom:g} of the height.",
            f"Ask for side 0 to {MAX_CAPTION_SIDE:g} and bottom 0 to {MAX_CAPTION_BOTTOM:g}.",
        )
    if options.HasField("loudness_lufs") and not LOUDNESS_LUFS[0] <= options.loudness_lufs <= LOUDNESS_LUFS[1]:
        return (
            f"A loudness of {options.loudness_lufs:g} LUFS is none for a clip.",
            f"Ask for {LOUDNESS_LUFS[0]:g} to {LOUDNESS_LUFS[1]:g} LUFS.",
        )
    if len(options.about) > MAX_ABOUT_CHARACTERS:
        return (
            f"What the clips are to be about has {len(options.about)} characters.",
            f"Say it in at most {MAX_ABOUT_CHARACTERS}.",
        )
    if len(options.ranges) > MAX_RANGES:
        return f"{len(options.ranges)} ranges are more than {MAX_RANGES}.", f"Ask for at most {MAX_RANGES} ranges."
    for span in options.ranges:
        if not 0 <= span.start_s < span.end_s < inf:  # False for NaN, too.
            return (
                f"There is no range from {span.start_s:g} to {span.end_s:g} s.",
                "Ask for 0 <= start < end, in seconds.",
            )
    for name, value, known in (
        ("aspect", options.aspect, Aspect.values()),
        ("captions", options.captions, CaptionStyle.values()),
        ("profile", options.profile, Profile.values()),
        ("genre", options.genre, Genre.values()),
        ("layout", options.layout, LAYOUTS),
    ):
        if value not in known:
            return f"{name} {value} is not known.", "Use a value of this version's API."
    return None


def _fault_of_names(names: Sequence[str]) -> tuple[str, str] | None:
    if len(names) > MAX_NAMES:
        return f"{len(names)} names are more than {MAX_NAMES}.", f"Give at most {MAX_NAMES} names."
    for name in names:
        if not (0 < len(name.split()) <= MAX_NAME_WORDS and len(name) <= MAX_NAME_CHARACTERS and name.isprintable()):
            return (
                f"{name[:MAX_NAME_CHARACTERS]!r} is no name for the vocabulary.",
                f"Give each in at most {MAX_NAME_WORDS} words and {MAX_NAME_CHARACTERS} characters.",
            )
    return None
