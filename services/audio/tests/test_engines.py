"""What was asked for is what hears; left to choose, the best one here for this sound, and it says why."""

from __future__ import annotations

import pytest
from clipmill_audio.domain.engines import Asked, Engine, choose, listener, usable
from clipmill_audio.domain.language import LanguageUnsupportedError

from clipmill_shared.errors import ClipmillError

MOONSHINE = Engine("moonshine", "moonshine-tiny-en", "0")
OPENAI = Engine("openai", "whisper-1", "host")


def whisper(size: str) -> Engine:
    return Engine("whisper", f"whisper-{size}", "1", size)


ALL = [MOONSHINE, whisper("large-v3"), whisper("small"), whisper("small.en"), whisper("tiny"), OPENAI]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", Asked("auto")),
        ("auto", Asked("auto")),
        ("whisper", Asked("whisper")),
        ("whisper:large-v3-turbo", Asked("whisper", "large-v3-turbo")),
        ("openai", Asked("openai")),
    ],
)
def test_an_engine_is_asked_for_by_name(text: str, asked: Asked) -> None:
    assert Asked.of(text) == asked


@pytest.mark.parametrize("text", ["parrot", "whisper:", "whisper:huge", "moonshine:tiny", "auto:small", "WHISPER"])
def test_what_is_no_engine_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ClipmillError) as raised:
        Asked.of(text)
    assert raised.value.code == "INVALID_OPTIONS"
    assert "large-v3" in raised.value.remedy


@pytest.mark.parametrize(
    ("asr", "language", "names"),
    [
        ("moonshine", "en", ["moonshine-tiny-en"]),
        ("whisper:tiny", "es", ["whisper-tiny"]),
        ("openai", "es", ["whisper-1"]),
        # No sound goes to another address while something here knows the language.
        ("auto", "es", ["whisper-large-v3", "whisper-small", "whisper-tiny"]),
    ],
)
def test_only_what_was_asked_for_and_knows_the_language_is_used(asr: str, language: str, names: list[str]) -> None:
    assert [engine.name for engine in usable(ALL, Asked.of(asr), language)] == names


def test_auto_asks_the_address_where_nothing_here_knows_the_language() -> None:
    assert usable([MOONSHINE, OPENAI], Asked("auto"), "es") == [OPENAI]
    assert usable([MOONSHINE, OPENAI], Asked("auto"), "auto") == [MOONSHINE]


@pytest.mark.parametrize(("asr", "language"), [("moonshine", "es"), ("whisper:small.en", "es"), ("auto", "xx")])
def test_a_language_that_no_engine_knows_is_refused_with_a_remedy(asr: str, language: str) -> None:
    with pytest.raises(LanguageUnsupportedError) as raised:
        usable([MOONSHINE, whisper("small.en")], Asked.of(asr), language)
    assert raised.value.code == "LANGUAGE_UNSUPPORTED"
    assert "--asr" in raised.value.remedy


def test_the_smallest_model_that_can_tells_the_language_and_only_where_that_is_open() -> None:
    assert listener(ALL, "auto") == whisper("tiny")
    assert listener(ALL, "es") is None
    assert listener([MOONSHINE, whisper("small.en")], "auto") is None


@pytest.mark.parametrize(
    ("engines", "language", "best", "above_rest_db", "name"),
    [
        (ALL, "en", False, 30.0, "moonshine-tiny-en"),
        (ALL, "en", False, 5.0, "whisper-small"),
        (ALL, "en", True, 30.0, "whisper-large-v3"),
        (ALL, "es", False, 30.0, "whisper-small"),
        (ALL, "es", True, None, "whisper-large-v3"),
        (ALL, "auto", False, None, "moonshine-tiny-en"),
        ([MOONSHINE, whisper("tiny")], "en", True, 5.0, "moonshine-tiny-en"),
        ([whisper("large-v3"), whisper("medium")], "en", False, None, "whisper-large-v3"),
        ([MOONSHINE], "auto", True, 5.0, "moonshine-tiny-en"),
    ],
)
def test_language_profile_and_noise_decide(
    engines: list[Engine], language: str, best: bool, above_rest_db: float | None, name: str
) -> None:
    choice = choose(engines, language, best=best, above_rest_db=above_rest_db)
    assert choice.engine.name == name
    assert bool(choice.why) == (len(engines) > 1)
