"""Platforms' rules are the defaults of what is not said, and bounds of what is."""

import pytest
from clipmill_ingest.domain.options import DEFAULTS, complete, fault_of
from clipmill_ingest.platforms import platforms
from hypothesis import given
from hypothesis import strategies as st

from clipmill.clips.v1.clips_pb2 import Aspect, CaptionArea, ClipOptions

NAMES = ("tiktok", "reels", "shorts", "linkedin", "x", "square", "podcast")


def test_the_platforms_that_are_known():
    assert tuple(platforms()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_platform_s_own_defaults_are_taken_by_it_and_can_be_rendered(name):
    rules = platforms()[name]

    whole = complete(ClipOptions(platform=name), rules)

    assert fault_of(whole) is None
    assert rules.fault_of(name, whole) is None
    assert (whole.min_s, whole.max_s, whole.loudness_lufs) == (rules.min_s, rules.max_s, rules.loudness_lufs)
    assert whole.caption_area.bottom == rules.caption_bottom
    assert (whole.clips, whole.captions, whole.platform) == (DEFAULTS.clips, DEFAULTS.captions, name)


@given(
    st.sampled_from(NAMES),
    st.floats(0.5, 700),
    st.floats(0.5, 700),
    st.sampled_from([Aspect.ASPECT_UNSPECIFIED, Aspect.ASPECT_9_16, Aspect.ASPECT_1_1, Aspect.ASPECT_16_9]),
)
def test_what_is_accepted_is_within_the_platform_s_bounds_and_what_is_not_said_is_the_platform_s(
    name, min_s, max_s, aspect
):
    rules = platforms()[name]
    own = rules.defaults().aspect

    whole = complete(ClipOptions(platform=name, min_s=min_s, max_s=max_s, aspect=aspect), rules)

    accepted = fault_of(whole) is None and rules.fault_of(name, whole) is None
    assert accepted == (min_s < max_s and rules.shortest_s <= min_s and max_s <= rules.longest_s)
    assert whole.aspect == (aspect or own)
    assert whole.loudness_lufs == rules.loudness_lufs
    assert whole.HasField("caption_area") == (whole.aspect == own)


def test_what_is_said_is_kept():
    asked = ClipOptions(platform="reels", max_s=90, loudness_lufs=-16, caption_area=CaptionArea(side=0.1, bottom=0.5))

    whole = complete(asked, platforms()["reels"])

    assert (whole.min_s, whole.max_s, whole.loudness_lufs, whole.caption_area.bottom) == (15, 90, -16, 0.5)


def test_a_picture_of_another_shape_has_its_own_place_for_captions():
    whole = complete(ClipOptions(platform="reels", aspect=Aspect.ASPECT_16_9), platforms()["reels"])

    assert whole.aspect == Aspect.ASPECT_16_9
    assert not whole.HasField("caption_area")


def test_what_a_platform_does_not_take_is_refused_with_its_bounds():
    rules = platforms()["reels"]

    fault = rules.fault_of("reels", complete(ClipOptions(max_s=200), rules))

    assert fault is not None
    assert "3 to 180 s" in fault[0]


def test_without_a_platform_nothing_changes():
    assert complete(ClipOptions(clips=3)) == complete(ClipOptions(clips=3), None)
    assert not complete(ClipOptions()).HasField("loudness_lufs")


@pytest.mark.parametrize(
    "options",
    [
        ClipOptions(loudness_lufs=-50),
        ClipOptions(loudness_lufs=float("nan")),
        ClipOptions(caption_area=CaptionArea(side=0.4)),
        ClipOptions(caption_area=CaptionArea(bottom=float("nan"))),
    ],
)
def test_loudness_and_area_are_bounded(options):
    assert fault_of(complete(options))
