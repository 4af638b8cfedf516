"""The Triton executor on a real tritonserver: the same answers as in process, and none lost or wrong when it breaks."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness.proxy import Proxy
from harness.tiny_models import (
    BROKEN,
    CRASHES,
    DIES,
    HANGS,
    LIES,
    ON_TRITON,
    OTHER_SIGNATURE,
    OTHER_VERSION,
    RAISES,
    WRONG_SHAPE,
    numbers,
)
from harness.triton import missing, triton
from tritonclient.grpc import aio as grpc_client

from clipmill_models import NAMES, definition_of
from clipmill_models.repository import write
from clipmill_shared.cautions import cautions
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.apart import infer, with_models
from clipmill_shared.inference.configured import Inference
from clipmill_shared.inference.definition import Signature, Tensor
from clipmill_shared.inference.executor import check_ready
from clipmill_shared.inference.fallback import Fallback
from clipmill_shared.inference.inprocess import InProcess
from clipmill_shared.inference.model_children import ModelChildren
from clipmill_shared.inference.triton import Triton, TritonOptions

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("triton")]
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if why := missing():
        pytest.skip(why)
    repository = tmp_path_factory.mktemp("repository")
    one = Signature((Tensor("x", "FP32", (1,)),), (Tensor("y", "FP32", (1,)),))
    narrow = replace(OTHER_SIGNATURE, signature=one, example=lambda: numbers(1))
    others = [replace(OTHER_VERSION, version="2"), narrow, CRASHES, WRONG_SHAPE]
    write(repository, [*map(definition_of, NAMES), ON_TRITON, BROKEN, *others])
    with triton(repository, [TESTS]) as running:
        yield running


@asynccontextmanager
async def executor(address: str, **options):
    running = Triton(address, TritonOptions(**options))
    try:
        yield running
    finally:
        await running.close()


async def code_of(call) -> str:
    with pytest.raises(ClipmillError) as caught:
        await call
    return caught.value.code


def real_input(name: str) -> dict[str, np.ndarray]:
    """Several rows of something that the model knows what to do with."""
    random = np.random.default_rng(5)
    if name == "sentences":
        texts = ["What is said here?", "Nobody knows.", "Die Katze schläft.", "今日は"]
        return {"text": np.array([[text.encode()] for text in texts], object)}
    if name in ("voice_activity", "transcription", "voice_turns"):
        rows, length = (2, 160_000) if name == "voice_turns" else (1, 40_000)
        return {"samples": random.normal(0, 0.1, (rows, length)).astype(np.float32)}
    if name == "voice_embedding":
        return {"bands": random.normal(0, 1, (1, 120, 80)).astype(np.float32)}
    # Of a model that takes any size, an odd one.
    sides = [side if side > 0 else 99 for side in definition_of(name).signature.inputs[0].shape[:2]]
    return {"image": random.integers(0, 256, (4, *sides, 3), np.uint8)}


@pytest.mark.parametrize("name", NAMES)
async def test_the_answer_is_the_one_of_this_process(server, name):
    definition, inputs = definition_of(name), real_input(name)
    here = InProcess()
    async with executor(server.address) as there:
        expected, inferred = await here.infer(definition, inputs), await there.infer(definition, inputs)
    await here.close()
    assert (inferred.executor, inferred.version) == ("triton", definition.version)
    for tensor in definition.signature.outputs:
        given, wanted = inferred.outputs[tensor.name], expected.outputs[tensor.name]
        if tensor.dtype == "BYTES":
            assert given.tolist() == wanted.tolist()
        else:
            # Its numpy is an older one: sums of floats may be rounded otherwise.
            np.testing.assert_allclose(given, wanted, atol=2e-6)


async def test_large_inputs_go_by_shared_memory_and_a_restarted_server_is_told_of_it_anew(server):
    definition, inputs = definition_of("face_mesh"), real_input("face_mesh")
    async with executor(server.address) as there:
        expected = await there.infer(definition, inputs)
    before = shared_memory()
    async with executor(server.address, shared_from_bytes=1000) as there:
        for _ in range(2):
            answers = await asyncio.gather(*(there.infer(definition, inputs) for _ in range(3)))
            assert len(shared_memory() - before) == 3, "used again"
            server.stop()
            server.start()
        answers += [await there.infer(definition, inputs)]
    assert shared_memory() == before, "given back"
    for answer in answers:
        np.testing.assert_array_equal(answer.outputs["points"], expected.outputs["points"])


async def test_what_finds_no_room_in_shared_memory_goes_by_grpc(server):
    async with executor(server.address, shared_from_bytes=1, shared_at_most_bytes=4096) as there:
        large, small = numbers(*range(30, 2000)), numbers(31)
        assert (await there.infer(ON_TRITON, large)).outputs["y"][0, -1] == 2 * 1999
        assert (await there.infer(ON_TRITON, small)).outputs["y"].item() == 62


def shared_memory() -> set[str]:
    """The names of our pieces of it."""
    return {path.name for path in Path("/dev/shm").glob("clipmill-*")}


async def test_many_at_once_each_get_their_own_whatever_batches_they_are_in(server):
    async with executor(server.address, in_flight=16) as there:
        answers = await asyncio.gather(*(there.infer(ON_TRITON, numbers(n, rows=1 + n % 4)) for n in range(30, 94)))
    assert [a.outputs["y"].ravel().tolist() for a in answers] == [[2.0 * n] * (1 + n % 4) for n in range(30, 94)]


async def test_what_is_wrong_with_one_is_told_to_one(server):
    async with executor(server.address) as there:
        await check_ready(there, ON_TRITON)
        calls = (there.infer(ON_TRITON, numbers(n)) for n in (RAISES, 1, LIES, 2))
        raised, one, lied, two = await asyncio.gather(*calls, return_exceptions=True)
        assert (raised.code, lied.code) == ("MODEL_FAILED", "MODEL_OUTPUT_INVALID")
        assert "thirteen" in raised.message
        assert [one.outputs["y"].item(), two.outputs["y"].item()] == [2, 4]
        assert await code_of(there.infer(ON_TRITON, {})) == "INVALID_TENSOR"


async def test_a_sentence_that_comes_again_is_answered_from_the_servers_cache(server):
    definition = definition_of("sentences")
    asked = {"text": np.array([[b"What comes twice?"]], object)}
    client = grpc_client.InferenceServerClient(server.address)
    async with executor(server.address) as there:
        first, again = [(await there.infer(definition, asked)).outputs["embedding"] for _ in range(2)]
    (found,) = (await client.get_inference_statistics("sentences")).model_stats
    await client.close()
    assert found.inference_stats.cache_hit.count == 1
    np.testing.assert_array_equal(first, again)


async def test_another_version_or_signature_than_asked_for_is_refused(server):
    async with executor(server.address) as there:
        faults = ((OTHER_VERSION, "serves 2"), (OTHER_SIGNATURE, "signature"), (BROKEN, "no such weights"))
        calls = (there.infer(definition, numbers(1, 2)) for definition, _ in faults)
        for (_, says), error in zip(faults, await asyncio.gather(*calls, return_exceptions=True), strict=True):
            assert error.code == "MODEL_LOAD_FAILED"
            assert says in error.message


async def test_a_model_that_the_server_lacks_is_said_to_be_missing(server):
    async with executor(server.address) as there:
        assert await code_of(there.infer(replace(ON_TRITON, name="nowhere"), numbers(1))) == "MODEL_LOAD_FAILED"


async def test_a_deadline_ends_a_call_and_the_next_is_answered(server):
    async with executor(server.address) as patient, executor(server.address, deadline_s=1) as there:
        await check_ready(patient, ON_TRITON)
        assert await code_of(there.infer(ON_TRITON, numbers(HANGS))) == "DEADLINE_EXCEEDED"
    async with executor(server.address) as there:
        assert (await there.infer(ON_TRITON, numbers(4))).outputs["y"].item() == 8


async def test_no_more_are_sent_than_may_be_in_flight_and_no_more_wait_than_may(server):
    async with executor(server.address, in_flight=1, max_waiting=1) as there:
        await check_ready(there, ON_TRITON)
        slow = asyncio.create_task(there.infer(ON_TRITON, numbers(HANGS)))
        await asyncio.sleep(0)
        waits = asyncio.create_task(there.infer(ON_TRITON, numbers(4)))
        await asyncio.sleep(0)
        assert await code_of(there.infer(ON_TRITON, numbers(5))) == "INFERENCE_QUEUE_FULL"
        slow.cancel()
        assert (await waits).outputs["y"].item() == 8


async def test_a_servers_full_queue_is_told_from_a_server_that_is_away(server):
    async with executor(server.address, in_flight=400) as there:
        await check_ready(there, ON_TRITON)
        slow = asyncio.create_task(there.infer(ON_TRITON, numbers(HANGS)))
        await asyncio.sleep(0.2)
        calls = (there.infer(ON_TRITON, numbers(n)) for n in range(30, 150))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, ClipmillError)]
        assert {error.code for error in refused} == {"INFERENCE_QUEUE_FULL"}
        assert len(answers) - len(refused) >= ON_TRITON.batching.max_waiting
        assert (await slow).outputs["y"].item() == 2 * HANGS


async def test_a_model_whose_process_is_killed_is_loaded_anew_and_no_call_is_lost(server):
    async with executor(server.address) as there:
        await check_ready(there, ON_TRITON)
        (stub,) = server.stubs("double/")
        os.kill(stub, signal.SIGKILL)
        answers = await asyncio.gather(*(there.infer(ON_TRITON, numbers(n)) for n in range(30, 34)))
        assert [answer.outputs["y"].item() for answer in answers] == [60, 62, 64, 66]


async def test_a_model_whose_process_is_killed_in_the_middle_of_a_call_answers_it_when_it_is_loaded_anew(server):
    async with executor(server.address) as there:
        await check_ready(there, ON_TRITON)
        pending = asyncio.create_task(there.infer(ON_TRITON, numbers(HANGS)))
        await asyncio.sleep(0.4)
        (stub,) = server.stubs("double/")
        os.kill(stub, signal.SIGKILL)
        assert (await pending).outputs["y"].item() == 2 * HANGS


async def test_a_model_that_crashes_when_it_is_loaded_or_answers_in_another_shape_is_named(server):
    async with executor(server.address) as there:
        assert await code_of(there.infer(CRASHES, numbers(1))) in {"MODEL_LOAD_FAILED", "TRITON_MODEL_DEAD"}
        assert await code_of(there.infer(WRONG_SHAPE, numbers(1, 2))) in {"MODEL_OUTPUT_INVALID", "MODEL_FAILED"}
        assert (await there.infer(ON_TRITON, numbers(4))).outputs["y"].item() == 8


async def test_a_model_that_kills_its_own_process_fails_its_caller_alone(server):
    async with executor(server.address) as there:
        await check_ready(there, ON_TRITON)
        assert await code_of(there.infer(ON_TRITON, numbers(DIES))) == "TRITON_MODEL_DEAD"
        assert (await there.infer(ON_TRITON, numbers(4))).outputs["y"].item() == 8


async def test_a_server_that_is_killed_in_the_middle_is_answered_for_by_this_process_until_it_is_back(server):
    here = InProcess()
    async with executor(server.address, breaker_failures=1, breaker_pause_s=0.5) as there:
        chain = Fallback([there, here])
        assert (await chain.infer(ON_TRITON, numbers(4))).executor == "triton"
        pending = asyncio.create_task(chain.infer(ON_TRITON, numbers(HANGS)))
        await asyncio.sleep(0.2)
        server.stop()
        answer = await pending
        assert (answer.executor, answer.outputs["y"].item()) == ("in process", 2 * HANGS)
        assert answer.fallback.startswith("TRITON_UNAVAILABLE: Triton at 127.0.0.1")
        assert await code_of(there.infer(ON_TRITON, numbers(4))) == "TRITON_UNAVAILABLE"
        server.start()
        async with asyncio.timeout(30):
            while (answer := await chain.infer(ON_TRITON, numbers(5))).executor != "triton":
                assert answer.outputs["y"].item() == 10
                await asyncio.sleep(0.1)
        assert answer.fallback == ""
    await here.close()


async def test_a_reset_connection_is_asked_again_and_a_silent_one_ends_by_the_deadline(server):
    async with Proxy(server.port).running() as proxy, executor(f"127.0.0.1:{proxy.port}", deadline_s=10) as there:
        await check_ready(there, ON_TRITON)
        pending = asyncio.create_task(there.infer(ON_TRITON, numbers(HANGS)))
        await asyncio.sleep(0.2)
        proxy.cut()
        proxy.heal()
        assert (await pending).outputs["y"].item() == 2 * HANGS
    async with Proxy(server.port).running() as proxy, executor(f"127.0.0.1:{proxy.port}", deadline_s=0.5) as there:
        await check_ready(there, ON_TRITON)
        proxy.silence()
        assert await code_of(there.infer(ON_TRITON, numbers(4))) == "DEADLINE_EXCEEDED"


def doubled(values, report):
    """What a part's child does: one call after the other, `report` after each."""
    answers = []
    for value in values:
        answers.append(infer(ON_TRITON, numbers(value))["y"].item())
        report(len(answers) / len(values))
    return answers


doubled_in_a_child = with_models(doubled)


async def test_a_parts_child_asks_triton_and_goes_on_by_itself_when_that_is_killed_in_the_middle_of_a_call(
    server, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS / 'contract'}")
    children = ModelChildren(f"{__name__}:doubled_in_a_child", 1, Inference(server.address, deadline_s=20))
    try:
        with cautions() as said:
            assert await children.run([1.0, 2.0]) == [2, 4]
        assert (said.cautions, said.inferences) == ([], 2)
        with cautions() as said:
            pending = asyncio.create_task(children.run([3.0, HANGS, 4.0]))
            await asyncio.sleep(0.5)
            server.stop()
            assert await pending == [6, 2 * HANGS, 8]
        (caution,) = said.cautions
        assert caution.code == "MODEL_FELL_BACK"
        assert "The model double ran in the part's own process. Triton at 127.0.0.1:" in caution.message
    finally:
        await children.close()
        server.start()


async def test_a_parts_child_shares_large_inputs_with_the_server_and_leaves_nothing_behind(server, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS / 'contract'}")
    before, inference = shared_memory(), Inference(server.address, deadline_s=20, shared_from_bytes=4)
    children = ModelChildren(f"{__name__}:doubled_in_a_child", 1, inference)
    with cautions() as said:
        assert await children.run([1.0, 2.0]) == [2, 4]
    assert (said.cautions, len(shared_memory() - before)) == ([], 1)
    await children.close()
    async with asyncio.timeout(10):
        # It is killed; what looks after its shared memory sees that.
        while shared_memory() - before:
            await asyncio.sleep(0.05)
