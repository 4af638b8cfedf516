"""The in-process executor: lazy loading, batches, bounds, cancelling, memory, and that no request pays for another."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
from harness.tiny_models import DIES, DOUBLE_APART, LIES, RAISES, SLEEP_APART, Gate, model, numbers

from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import Batching, Placement
from clipmill_shared.inference.executor import check_ready
from clipmill_shared.inference.inprocess import InProcess

MIB = 1 << 20


@asynccontextmanager
async def executor(memory_bytes: int = 1 << 30):
    running = InProcess(memory_bytes, threads=2)
    try:
        yield running
    finally:
        await running.close()


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def code_of(call) -> str:
    with pytest.raises(ClipmillError) as caught:
        await call
    return caught.value.code


async def test_an_answer_says_how_it_came_about():
    async with executor() as running:
        inferred = await running.infer(model(), numbers(1, 2))
        assert inferred.outputs["y"].tolist() == [[2, 4]]
        assert (inferred.version, inferred.executor, inferred.batch_rows) == ("1", "in process", 1)
        assert inferred.queue_s >= 0
        assert inferred.compute_s >= 0


async def test_a_model_is_loaded_when_first_asked_for_and_once():
    gate = Gate()
    async with executor() as running:
        assert running.loaded == ()
        await asyncio.gather(*(running.infer(model(gate.load), numbers(1)) for _ in range(8)))
        await check_ready(running, model(gate.load))
        assert gate.loads == 1
        assert running.loaded == (("double", "1"),)


async def test_what_waits_for_a_busy_model_is_computed_together_and_each_gets_its_own():
    gate = Gate(is_open=False)
    async with executor() as running:
        first = asyncio.create_task(running.infer(model(gate.load), numbers(1)))
        await until(lambda: gate.rows)
        rest = [asyncio.create_task(running.infer(model(gate.load), numbers(n, rows=r))) for n, r in ((2, 1), (3, 2))]
        late = asyncio.create_task(running.infer(model(gate.load), numbers(4, rows=2)))
        await asyncio.sleep(0)
        gate.open()
        answers = await asyncio.gather(first, *rest, late)
    assert gate.rows == [1, 3, 2], "at most four rows a batch, in order"
    assert [a.outputs["y"].tolist() for a in answers] == [[[2]], [[4]], [[6], [6]], [[8], [8]]]
    assert [a.batch_rows for a in answers] == [1, 3, 3, 2]


async def test_rows_of_another_length_are_no_batch():
    gate = Gate(is_open=False)
    async with executor() as running:
        first = asyncio.create_task(running.infer(model(gate.load), numbers(1)))
        await until(lambda: gate.rows)
        rest = [asyncio.create_task(running.infer(model(gate.load), numbers(*row))) for row in ((2,), (3, 3), (4, 4))]
        await asyncio.sleep(0)
        gate.open()
        answers = await asyncio.gather(first, *rest)
    assert gate.rows == [1, 1, 2]
    assert answers[-1].outputs["y"].tolist() == [[8, 8]]


async def test_an_idle_model_waits_for_others_as_long_as_it_is_told():
    gate = Gate()
    patient = replace(model(gate.load), batching=Batching(max_rows=2, max_delay_s=10))
    async with executor() as running, asyncio.timeout(5):
        await asyncio.gather(running.infer(patient, numbers(1)), running.infer(patient, numbers(2)))
        assert gate.rows == [2], "a full batch waits no longer"
    hurried = replace(patient, batching=Batching(max_rows=2, max_delay_s=0.01))
    async with executor() as running, asyncio.timeout(5):
        assert (await running.infer(hurried, numbers(1))).queue_s >= 0.005


async def test_more_than_may_wait_is_refused_until_there_is_room():
    gate = Gate(is_open=False)
    async with executor() as running:
        first = asyncio.create_task(running.infer(model(gate.load), numbers(1)))
        await until(lambda: gate.rows)
        waiting = [asyncio.create_task(running.infer(model(gate.load), numbers(n))) for n in range(8)]
        await asyncio.sleep(0)
        assert await code_of(running.infer(model(gate.load), numbers(9))) == "INFERENCE_QUEUE_FULL"
        waiting[3].cancel()
        await asyncio.sleep(0)
        room = asyncio.create_task(running.infer(model(gate.load), numbers(10)))
        await asyncio.sleep(0)
        gate.open()
        assert (await room).outputs["y"].tolist() == [[20]]
        await asyncio.gather(first, *waiting, return_exceptions=True)
        assert sum(gate.rows) == 9, "the cancelled one was never computed"


async def test_who_gives_up_takes_nothing_from_the_others():
    gate = Gate(is_open=False)
    async with executor() as running:
        first = asyncio.create_task(running.infer(model(gate.load), numbers(1)))
        await until(lambda: gate.rows)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await running.infer(model(gate.load), numbers(2))
        first.cancel()
        second = asyncio.create_task(running.infer(model(gate.load), numbers(3)))
        await asyncio.sleep(0)
        gate.open()
        assert (await second).outputs["y"].tolist() == [[6]]
    assert gate.rows == [1, 1]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA error: out of memory")])
async def test_what_finds_too_little_memory_together_is_computed_in_halves_and_says_so(error):
    sizes = []

    def infer(inputs):
        sizes.append(len(inputs["x"]))
        if sizes[-1] > 1:
            raise error
        return {"y": inputs["x"] * np.float32(2)}

    tight = replace(model(lambda: infer), batching=Batching(max_rows=4, max_waiting=8))
    async with executor() as running:
        inferred = await running.infer(tight, {"x": np.arange(3, dtype=np.float32)[:, None]})
    assert inferred.outputs["y"].ravel().tolist() == [0, 2, 4]
    assert inferred.fallback.startswith("MODEL_OUT_OF_MEMORY: The model double 1 had too little memory for 3 rows.")
    assert sizes[0] == 3 and sizes.count(1) == 3


async def test_too_little_memory_for_one_row_is_an_error_of_its_own():
    def infer(_):
        raise MemoryError

    async with executor() as running:
        assert await code_of(running.infer(model(lambda: infer), numbers(1))) == "MODEL_OUT_OF_MEMORY"


async def test_one_bad_request_does_not_spoil_its_batch():
    gate = Gate(is_open=False)
    async with executor() as running:
        first = asyncio.create_task(running.infer(model(gate.load), numbers(1)))
        await until(lambda: gate.rows)
        rest = [asyncio.create_task(running.infer(model(gate.load), numbers(n))) for n in (2, RAISES, LIES, 3)]
        await asyncio.sleep(0)
        gate.open()
        good, raised, lied, fine = await asyncio.gather(*rest, return_exceptions=True)
        await first
    assert [good.outputs["y"].item(), fine.outputs["y"].item()] == [4, 6]
    assert (raised.code, lied.code) == ("MODEL_FAILED", "MODEL_OUTPUT_INVALID")
    assert "thirteen" in raised.message


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "the tensors are none, not x"),
        ({"x": np.ones((1, 2))}, "x is of float64, not FP32"),
        ({"x": np.ones((1, 2, 3), np.float32)}, "x has the shape [1, 2, 3], not [rows, -1]"),
        ({"x": np.float32(1)}, "x has the shape [], not [rows, -1]"),
        (numbers(1, rows=5), "there are 5 rows, and it takes 1 to 4"),
        ({"x": np.ones((0, 2), np.float32)}, "there are 0 rows"),
    ],
)
async def test_inputs_that_are_not_the_signatures_are_named(inputs, says):
    async with executor() as running:
        with pytest.raises(ClipmillError) as caught:
            await running.infer(model(), inputs)
    assert caught.value.code == "INVALID_TENSOR"
    assert says in caught.value.message


async def test_a_model_that_cannot_be_loaded_fails_its_callers_and_is_tried_again():
    attempts = []

    def load():
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("no such weights")
        return Gate().infer

    async with executor() as running:
        assert await code_of(running.infer(model(load), numbers(1))) == "MODEL_LOAD_FAILED"
        assert (await running.infer(model(load), numbers(1))).outputs["y"].item() == 2


def sized(name: str, mebibytes: int, gate: Gate):
    return replace(model(gate.load, name), placement=Placement(memory_bytes=mebibytes * MIB))


async def test_the_model_that_was_used_longest_ago_makes_room():
    gates = {name: Gate() for name in "abc"}
    async with executor(100 * MIB) as running:
        for name in "aba":
            await running.infer(sized(name, 40, gates[name]), numbers(1))
        await running.infer(sized("c", 40, gates["c"]), numbers(1))
        assert sorted(name for name, _ in running.loaded) == ["a", "c"]
        await running.infer(sized("b", 40, gates["b"]), numbers(1))
    assert [gates[name].loads for name in "abc"] == [1, 2, 1]


async def test_a_model_at_work_is_not_unloaded_and_one_that_waits_for_room_gets_it():
    busy, other = Gate(is_open=False), Gate()
    async with executor(100 * MIB) as running:
        first = asyncio.create_task(running.infer(sized("busy", 60, busy), numbers(1)))
        await until(lambda: busy.rows)
        queued = [asyncio.create_task(running.infer(sized("busy", 60, busy), numbers(n, n))) for n in (1, 2)]
        wants_room = asyncio.create_task(running.infer(sized("other", 60, other), numbers(2)))
        await asyncio.sleep(0.02)
        assert running.loaded == (("busy", "1"),)
        busy.open()
        assert (await wants_room).outputs["y"].item() == 4
        await asyncio.gather(first, *queued)
    assert busy.loads == 2


async def test_a_model_that_can_never_fit_is_refused():
    async with executor(10 * MIB) as running:
        assert await code_of(running.infer(sized("large", 11, Gate()), numbers(1))) == "MODEL_TOO_LARGE"


async def test_a_second_instance_is_loaded_when_the_first_is_busy():
    gate = Gate(is_open=False)
    twice = replace(model(gate.load), placement=Placement(instances=2))
    async with executor() as running:
        calls = [asyncio.create_task(running.infer(twice, numbers(1)))]
        await until(lambda: len(gate.rows) == 1)
        calls.append(asyncio.create_task(running.infer(twice, numbers(2))))
        await until(lambda: len(gate.rows) == 2)
        gate.open()
        await asyncio.gather(*calls)
    assert gate.loads == 2


async def test_a_model_in_a_process_answers_and_a_crash_is_one_batchs_error():
    async with executor() as running:
        assert (await running.infer(DOUBLE_APART, numbers(3))).outputs["y"].item() == 6
        assert await code_of(running.infer(DOUBLE_APART, numbers(DIES))) == "PART_CRASHED"
        assert (await running.infer(DOUBLE_APART, numbers(4))).outputs["y"].item() == 8


async def test_a_call_in_a_process_ends_when_nobody_wants_it_any_more():
    async with executor() as running, asyncio.timeout(20):
        await running.infer(SLEEP_APART, numbers(0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await running.infer(SLEEP_APART, numbers(1000))
        assert (await running.infer(SLEEP_APART, numbers(0.5))).outputs["y"].item() == 1


async def test_closing_fails_who_waits_and_waits_for_who_is_computed():
    gate = Gate(is_open=False)
    running = InProcess()
    first = asyncio.create_task(running.infer(model(gate.load), numbers(1)))
    await until(lambda: gate.rows)
    second = asyncio.create_task(running.infer(model(gate.load), numbers(2)))
    await asyncio.sleep(0)
    closing = asyncio.create_task(running.close())
    assert await code_of(second) == "MODEL_FAILED"
    gate.open()
    assert (await first).outputs["y"].item() == 2
    await closing
