"""What is asked of a model that sees, and what counts as its answer."""

from __future__ import annotations

import pytest
from clipmill_vision.domain.describe import BadAnswerError, plain, texts_of
from clipmill_vision.handlers import version
from clipmill_vision.settings import VisionSettings


def test_another_model_is_another_version() -> None:
    one = VisionSettings(describe_url="http://host/v1", describe_model="one")
    assert version(one) != version(VisionSettings())
    assert version(one) != version(VisionSettings(describe_url="http://host/v1", describe_model="two"))


def test_a_description_is_one_bounded_line_of_text() -> None:
    assert plain("A  man\n\x1b[31m talks\u202e.") == "A man [31m talks ."
    long = plain("word " * 200)
    assert len(long) <= 301
    assert long.endswith("word…")


def test_an_answer_in_another_order_is_put_in_order() -> None:
    assert texts_of('{"pictures": [{"number": 2, "text": "b"}, {"number": 1, "text": "a"}]}', 2) == ["a", "b"]
    with pytest.raises(BadAnswerError, match="once each"):
        texts_of('{"pictures": [{"number": 0, "text": "a"}]}', 1)
