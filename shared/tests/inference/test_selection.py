"""A job gets the version that its profile asks for, within what a call may take."""

import pytest

from clipmill.common.v1.common_pb2 import PROFILE_BALANCED, PROFILE_BEST, PROFILE_FAST
from clipmill.models.v1.models_pb2 import (
    ALIAS_CHAMPION,
    ALIAS_HEAVY,
    ALIAS_LIGHT,
    ALIAS_SHADOW,
    Artefact,
    Assigned,
    Figures,
    ModelAliases,
    Version,
)
from clipmill_shared.inference.selection import Budget, pin_of

FIGURES = {ALIAS_HEAVY: (0.3, 900), ALIAS_CHAMPION: (0.1, 300), ALIAS_LIGHT: (0.02, 50)}


def version(name, infer_s=0.0, mib=0, packaged=False):
    return Version(
        model="faces",
        version=name,
        artefact=None if packaged else Artefact(source="here"),
        figures=Figures(infer_s=infer_s, memory_bytes=mib << 20),
    )


def told(*aliases, packaged=(), previous=""):
    return ModelAliases(
        model="faces",
        assigned=[
            Assigned(alias=alias, version=version(str(alias), *FIGURES[alias], packaged=alias in packaged))
            for alias in aliases
        ],
        previous=version(previous) if previous else None,
    )


ALL = told(ALIAS_HEAVY, ALIAS_CHAMPION, ALIAS_LIGHT)


@pytest.mark.parametrize(
    ("profile", "alias"),
    [(PROFILE_FAST, ALIAS_LIGHT), (PROFILE_BALANCED, ALIAS_CHAMPION), (PROFILE_BEST, ALIAS_HEAVY)],
)
def test_a_profile_has_its_size_and_the_champion_where_there_is_none(profile, alias):
    assert pin_of(ALL, profile, Budget()).version == str(alias)
    assert pin_of(told(ALIAS_CHAMPION), profile, Budget()).version == str(ALIAS_CHAMPION)


@pytest.mark.parametrize(
    ("budget", "alias", "says"),
    [
        (Budget(0.2), ALIAS_CHAMPION, "the champion: the heavy version takes 0.3 s a call, of 0.2"),
        (Budget(0.05), ALIAS_LIGHT, "the light version: the heavy version takes 0.3 s a call, of 0.05"),
        (Budget(memory_bytes=400 << 20), ALIAS_CHAMPION, "the champion: the heavy version takes 900 MiB, of 400"),
        (Budget(0.2, 100 << 20), ALIAS_LIGHT, "the light version: the heavy version takes 0.3 s a call, of 0.2"),
        (Budget(0.5), ALIAS_HEAVY, "the heavy version, for profile best"),
        (Budget(0.01), ALIAS_LIGHT, "the light version: the heavy version takes 0.3 s a call, of 0.01"),
    ],
)
def test_of_what_takes_too_much_the_next_smaller_one_is_had_and_it_is_said_why(budget, alias, says):
    pinned = pin_of(ALL, PROFILE_BEST, budget)
    assert (pinned.version, pinned.reason) == (str(alias), says)


def test_where_nothing_smaller_is_there_it_is_said():
    pinned = pin_of(told(ALIAS_CHAMPION), PROFILE_FAST, Budget(0.01))
    assert pinned.reason == "the champion takes 0.1 s a call, of 0.01, and there is no smaller one"


def test_packaged_versions_are_pinned_like_others_and_a_model_without_champion_is_not():
    packaged = told(ALIAS_CHAMPION, ALIAS_LIGHT, packaged=(ALIAS_CHAMPION,))
    champion = pin_of(packaged, PROFILE_BALANCED, Budget())
    assert (champion.version, champion.HasField("artefact")) == (str(ALIAS_CHAMPION), False)
    assert champion.smaller.version == pin_of(packaged, PROFILE_FAST, Budget()).version == str(ALIAS_LIGHT)
    assert pin_of(ModelAliases(model="faces"), PROFILE_FAST, Budget()) is None
    only_shadow = ModelAliases(assigned=[Assigned(alias=ALIAS_SHADOW, version=version("9"))])
    assert pin_of(only_shadow, PROFILE_FAST, Budget()) is None


def test_what_stands_in_is_smaller_or_was_the_champion_before():
    champion = pin_of(told(ALIAS_CHAMPION, ALIAS_LIGHT, previous="old"), PROFILE_BALANCED, Budget())
    assert (champion.smaller.version, champion.earlier.version) == (str(ALIAS_LIGHT), "old")
    light = pin_of(told(ALIAS_CHAMPION, ALIAS_LIGHT, previous="old"), PROFILE_FAST, Budget())
    assert (light.HasField("smaller"), light.earlier.version) == (False, str(ALIAS_CHAMPION))
    assert not pin_of(told(ALIAS_CHAMPION), PROFILE_BALANCED, Budget()).HasField("earlier")
