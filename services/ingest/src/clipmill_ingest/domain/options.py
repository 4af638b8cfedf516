"""What may be asked of a job."""

from __future__ import annotations

from math import inf

from clipmill.clips.v1.clips_pb2 import Aspect, CaptionStyle, ClipOptions
from clipmill.common.v1.common_pb2 import Profile

MAX_CLIPS = 50
MAX_CLIP_S = 600.0
MAX_ABOUT_CHARACTERS = 300
MAX_RANGES = 20
DEFAULTS = ClipOptions(
    clips=5,
    min_s=15,
    max_s=60,
    aspect=Aspect.ASPECT_9_16,
    language="auto",
    captions=CaptionStyle.CAPTION_STYLE_KARAOKE,
    profile=Profile.PROFILE_FAST,
)


def complete(options: ClipOptions) -> ClipOptions:
    """The options with the defaults for what was not said, as the job pins them."""
    whole = ClipOptions()
    whole.CopyFrom(DEFAULTS)
    whole.MergeFrom(options)
    return whole


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
    ):
        if value not in known:
            return f"{name} {value} is not known.", "Use a value of this version's API."
    return None
