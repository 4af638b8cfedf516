"""Models in a child process: called here, and here too where Triton should have been asked and is away; it is said."""

import asyncio
import sys

import pytest
from harness.server import free_port
from harness.tiny_models import LIES, RAISES, model, numbers

from clipmill import topics
from clipmill.models.v1.models_pb2 import InferenceRecord
from clipmill_shared.bus import Subscription
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.cautions import cautions
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.apart import infer, with_models
from clipmill_shared.inference.configured import Answered, Asked, Inference
from clipmill_shared.inference.log import MAX_WAITING, InferenceLog
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
    assert answer(Asked([4], Inference()), lambda _: None) == Answered([8], (), (), 1)


async def test_what_triton_does_not_answer_is_answered_by_the_child_and_said_once_in_the_result():
    away = Inference(f"127.0.0.1:{free_port()}", deadline_s=5)
    children = ModelChildren(f"{__name__}:answer", 1, away)
    try:
        with cautions() as said:
            assert await children.run([1, 2, 3]) == [2, 4, 6]
    finally:
        await children.close()
    (caution,) = said.cautions
    assert caution.code == "MODEL_FELL_BACK"
    assert caution.message.startswith("The model double in a child ran in the part's own process. Triton at 127.0.0.1:")
    assert said.inferences == 3


def test_without_tritons_client_the_child_answers_and_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "clipmill_shared.inference.triton", None)
    answered = answer(Asked([4], Inference("nowhere:1")), lambda _: None)
    assert answered.value == [8]
    assert [fell_back.code for fell_back in answered.fell_back] == ["TRITON_CLIENT_MISSING"]


async def test_nothing_is_said_where_no_task_is_done():
    children = ModelChildren(f"{__name__}:answer", 1, Inference(f"127.0.0.1:{free_port()}", deadline_s=5))
    try:
        assert await children.run([7]) == [14]
    finally:
        await children.close()


async def test_a_sampled_call_leaves_a_record_of_shapes_and_times():
    bus = InProcessBus()
    seen: asyncio.Queue[InferenceRecord] = asyncio.Queue()

    async def take(event):
        seen.put_nowait(event.message)
        return ()

    log = InferenceLog(bus, "tests", share=1.0)
    children = ModelChildren(f"{__name__}:answer", 1, Inference(log_share=1.0), log)
    async with bus.run(Subscription(topics.INFERENCE_LOGS, group="tests", handler=take)):
        (send,) = (asyncio.create_task(loop()) for loop in log.loops)
        assert await children.run([1, 2]) == [2, 4]
        records = [await seen.get(), await seen.get()]
        send.cancel()
    await children.close()
    await bus.close()
    for record in records:
        assert (record.model, record.version, record.part) == ("double in a child", "1", "tests")
        assert (record.executor, record.rows, list(record.inputs)) == ("in process", 1, ["x FP32 1x1"])
        assert record.compute_s > 0
        assert not record.fallback


async def test_records_that_the_bus_does_not_take_are_dropped_and_the_call_goes_on():
    log = InferenceLog(InProcessBus(), "tests", share=1.0)
    children = ModelChildren(f"{__name__}:answer", 1, Inference(log_share=1.0), log)
    values = [1] * (MAX_WAITING + 5)
    assert await children.run(values) == [2] * len(values)
    await children.close()
    assert log.waiting == MAX_WAITING
    assert log.dropped == 5


async def test_nothing_is_recorded_unless_it_is_asked_for():
    assert InferenceLog(InProcessBus(), "tests", share=0.0).loops == ()
    assert answer(Asked([4], Inference()), lambda _: None).calls == ()
