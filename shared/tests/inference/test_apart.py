"""Models in a child process: called here, and here too where Triton should have been asked and is away; it is said."""

import pytest
from harness.server import free_port
from harness.tiny_models import LIES, RAISES, model, numbers

from clipmill_shared.cautions import cautions
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.apart import infer, with_models
from clipmill_shared.inference.configured import Answered, Asked, Inference
from clipmill_shared.inference.model_children import ModelChildren

DOUBLE = model(name="double in a child")


def doubled(values, report):
    return [infer(DOUBLE, numbers(value))["y"].item() for value in values]


answer = with_models(doubled)


def test_what_is_asked_without_a_service_is_answered_as_ever():
    assert answer([1, 2], lambda _: None) == [2, 4]


def test_a_model_that_fails_or_lies_is_named():
    for value, code in ((RAISES, "MODEL_FAILED"), (LIES, "MODEL_OUTPUT_INVALID")):
        with pytest.raises(ClipmillError) as caught:
            answer(Asked([value], Inference()), lambda _: None)
        assert caught.value.code == code


def test_without_triton_nothing_fell_back():
    assert answer(Asked([4], Inference()), lambda _: None) == Answered([8], ())


async def test_what_triton_does_not_answer_is_answered_by_the_child_and_said_once_in_the_result():
    away = Inference(f"127.0.0.1:{free_port()}", deadline_s=5)
    children = ModelChildren(f"{__name__}:answer", 1, away)
    try:
        with cautions() as said:
            assert await children.run([1, 2, 3]) == [2, 4, 6]
    finally:
        await children.close()
    assert sorted({(caution.code, "double in a child ran" in caution.message) for caution in said}) == [
        ("MODEL_FELL_BACK", True)
    ]
    assert "3 times" in said[0].message


async def test_nothing_is_said_where_no_task_is_done():
    children = ModelChildren(f"{__name__}:answer", 1, Inference(f"127.0.0.1:{free_port()}", deadline_s=5))
    try:
        assert await children.run([7]) == [14]
    finally:
        await children.close()
