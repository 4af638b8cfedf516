"""A look of captions is whole, and what is wrong with one that a user wrote is said by the field's name."""

from __future__ import annotations

import pytest

from clipmill.clips.v1.clips_pb2 import CAPTION_STYLE_BLOCK, CAPTION_STYLE_KARAOKE, CaptionLook
from clipmill.looks import LookError, look_of_toml, looks, whole_look


@pytest.mark.parametrize("name", list(looks()))
def test_a_named_look_says_everything(name: str):
    assert {field.name for field, _ in looks()[name].ListFields()} == set(CaptionLook.DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ('colour = "red"', "colour"),
        ('colour = ""', "colour"),
        ('box_colour = "#12345"', "box_colour"),
        ("size = 9", "size"),
        ("size = true", "size"),
        ("size = nan", "size"),
        ("words = 0", "words"),
        ("words = 2.5", "words"),
        ('place = "left"', "place"),
        ("place = 1", "place"),
        ('font = "comic"', "font"),
        ('uppercase = "yes"', "uppercase"),
        ("wobble = 3", "wobble"),
        ("size = ", "TOML"),
    ],
)
def test_a_fault_names_its_field(said: str, field: str):
    with pytest.raises(LookError, match=field):
        look_of_toml(said)


def test_what_a_look_does_not_say_the_named_one_does():
    look = whole_look(CAPTION_STYLE_KARAOKE, look_of_toml('name = "bold"\ncolour = "#ff0000"\nuppercase = false'))
    assert (look.colour, look.uppercase, look.words) == ("#ff0000", False, looks()["bold"].words)


def test_each_style_of_captions_has_its_usual_look_and_a_block_lights_no_word():
    assert whole_look(CAPTION_STYLE_KARAOKE, CaptionLook()) == looks()["classic"]
    assert whole_look(CAPTION_STYLE_BLOCK, CaptionLook()) == looks()["block"]
    assert whole_look(CAPTION_STYLE_BLOCK, CaptionLook(name="bold")).spoken_colour == ""


def test_a_name_that_is_none_is_told_with_those_that_are():
    with pytest.raises(LookError, match=r"name: there is no look 'loud'.*classic"):
        whole_look(CAPTION_STYLE_KARAOKE, CaptionLook(name="loud"))
