"""All features: the one definition that live scoring, backfill and the consistency check use."""

from __future__ import annotations

from collections.abc import Mapping

from clipmill_scoring.domain.features import joined, meaning, picture, rhythm, shape, voice, words
from clipmill_scoring.domain.features.definition import Columns, Feature, Seen

FAMILIES = (words, shape, meaning, voice, rhythm, picture)
FEATURES: tuple[Feature, ...] = tuple(feature for family in FAMILIES for feature in family.FEATURES)
# Measured where something was asked for; see about.py.
ABOUT = Feature("about", "asked", "cosine", 1, -1, 1, "likeness between the request and all that is said")
BY_NAME: Mapping[str, Feature] = {feature.name: feature for feature in (*FEATURES, joined.FEATURE, ABOUT)}


def columns(seen: Seen) -> Columns:
    """Each feature's value for each candidate, in the order of FEATURES. Values are NaN where unknown."""
    found: Columns = {}
    for family in FAMILIES:
        found |= family.measure(seen)
    english = is_english(seen.timeline.language)
    return {f.name: found[f.name] if english or not f.english else seen.unknown() for f in FEATURES}


def is_english(language: str) -> bool:
    """True also where no language was said: then nothing says otherwise."""
    return language in ("", "auto", "en") or language.startswith("en-")
