"""A task's models answer by the versions that its job pinned, or by what stands in for them, which is said."""

import json
from dataclasses import replace

import pytest
from harness.metrics import Measured
from harness.server import free_port
from harness.tiny_models import LARGE, TIMES, numbers

from clipmill.common.v1.common_pb2 import ModelVersion
from clipmill.models.v1.models_pb2 import Artefact, PinnedVersion
from clipmill.vision.v1.vision_pb2 import VisionTask
from clipmill_shared.blobs import Blobs
from clipmill_shared.cautions import as_answered, cautions
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.apart import infer, with_models
from clipmill_shared.inference.configured import Inference
from clipmill_shared.inference.definition import Signature, Tensor
from clipmill_shared.inference.model_children import ModelChildren
from clipmill_shared.inference.pins import Pins
from clipmill_shared.inference.stand_ins import TRIED_AGAIN_S, StandIns
from clipmill_shared.work import digest_of

WIDE = replace(TIMES, signature=Signature(TIMES.signature.inputs, (Tensor("z", "FP32", (-1,)),)))


def multiplied(value, report):
    return infer(TIMES, numbers(value))["y"].item()


def asks_otherwise(value, report):
    return infer(WIDE, numbers(value))["y"].item()


def asks_the_large_one(value, report):
    return infer(LARGE, numbers(value))["y"].item()


in_a_child, otherwise_in_a_child = with_models(multiplied), with_models(asks_otherwise)
short_in_a_child = with_models(asks_the_large_one)


@pytest.fixture
def blobs(tmp_path):
    return Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")


@pytest.fixture
async def children(blobs, tmp_path):
    running = ModelChildren(f"{__name__}:in_a_child", 1, Inference(), pins=Pins(blobs, tmp_path / "scratch"))
    yield running
    await running.close()


async def version(blobs, number, name=""):
    blob = await blobs.put_bytes("clipmill", json.dumps({"by": number}).encode(), "application/json")
    return PinnedVersion(
        model="faces",
        version=name or f"by {number}",
        definition="harness.tiny_models:TIMES",
        artefact=Artefact(blob=blob),
    )


async def answered(children, *pinned):
    """What is answered to 7, and the versions that are said to have."""
    with cautions(pinned) as said:
        return await children.run(7), said.versions


async def test_each_task_is_answered_by_the_versions_that_it_pins_whatever_the_child_did_before(children, blobs):
    three, five = await version(blobs, 3), await version(blobs, 5)
    for pinned, answer in ((three, 21), (five, 35), (three, 21), (await version(blobs, 4), 28), (five, 35)):
        assert await answered(children, pinned) == (answer, {"faces": pinned.version})
    assert await answered(children) == (14, {})


async def test_a_version_that_was_deleted_fails_the_task(children, blobs):
    gone = await version(blobs, 3)
    await blobs.delete(gone.artefact.blob)
    with pytest.raises(ClipmillError) as caught:
        await answered(children, gone)
    assert caught.value.code == "PINNED_VERSION_GONE"
    assert "by 3 of faces" in caught.value.message


async def test_weights_with_another_hash_are_never_run(children, blobs, tmp_path):
    damaged = await version(blobs, 3)
    (kept,) = (path for path in (tmp_path / "store").rglob(damaged.artefact.blob.sha256))
    kept.write_text('{"by": 4}')
    with pytest.raises(ClipmillError) as caught:
        await answered(children, damaged)
    assert caught.value.code == "ARTEFACT_DAMAGED"


async def test_a_version_of_another_signature_is_refused(blobs, tmp_path):
    running = ModelChildren(f"{__name__}:otherwise_in_a_child", 1, Inference(), pins=Pins(blobs, tmp_path / "scratch"))
    try:
        with pytest.raises(ClipmillError) as caught:
            await answered(running, await version(blobs, 3))
    finally:
        await running.close()
    assert caught.value.code == "VERSION_NOT_HERE"


async def test_where_triton_is_away_the_child_answers_by_the_same_version(blobs, tmp_path):
    away = Inference(f"127.0.0.1:{free_port()}", deadline_s=5)
    running = ModelChildren(f"{__name__}:in_a_child", 1, away, pins=Pins(blobs, tmp_path / "scratch"))
    try:
        with cautions([await version(blobs, 3)]) as said:
            assert await running.run(7) == 21
    finally:
        await running.close()
    assert [caution.code for caution in said.cautions] == ["MODEL_FELL_BACK"]
    assert said.versions == {"faces": "by 3"}


def test_a_result_names_the_versions_that_answered():
    packaged = [ModelVersion(task=task, name=task, version="0") for task in ("faces", "voices", "shots")]
    registered = {"faces": ("faces",), "voices": ("turns", "embedding")}
    with cautions() as said:
        assert as_answered(packaged, registered) == packaged
        said.versions.update(faces="2", turns="9")
        named = [(each.name, each.version) for each in as_answered(packaged, registered)]
    assert named == [("faces", "2"), ("voices", "0"), ("turns", "9"), ("shots", "0")]


async def spare(blobs, broken, **instead):
    """A pinned version that does as `broken` says, with what stands in for it."""
    pinned = await version(blobs, broken)
    for field, number in instead.items():
        getattr(pinned, field).CopyFrom(await version(blobs, number))
    return pinned


@pytest.mark.parametrize(
    ("broken", "field", "code"),
    [
        ("raises on load", "earlier", "MODEL_LOAD_FAILED"),
        ("crashes on load", "earlier", "PART_CRASHED"),
        ("raises", "earlier", "MODEL_FAILED"),
        ("dies", "earlier", "PART_CRASHED"),
        ("lies", "earlier", "MODEL_OUTPUT_INVALID"),
        ("wrong shape", "earlier", "MODEL_OUTPUT_INVALID"),
        ("out of memory", "smaller", "MODEL_OUT_OF_MEMORY"),
    ],
)
async def test_what_stands_in_for_a_broken_version_answers_and_it_is_said(children, blobs, broken, field, code):
    counted = Measured()
    pinned = await spare(blobs, broken, **{field: 3})
    with cautions([pinned]) as said:
        assert await children.run(7) == 21
        (named,) = as_answered([ModelVersion(task="faces")], {"faces": ("faces",)})
    assert (named.version, named.reason) == ("by 3", f"instead of by {broken}")
    (caution,) = said.cautions
    assert caution.code == "MODEL_STOOD_IN"
    assert f"by its version by 3 instead of by {broken}: " in caution.message
    assert counted("clipmill.inference.fallbacks", model="faces", code=code) == 1


async def test_the_first_choice_is_tried_again_after_a_while_and_answers_when_it_can(blobs, tmp_path):
    clock = [0.0]
    stand_ins = StandIns(lambda: clock[0])
    pinned = await spare(blobs, "lies", earlier=3)

    def fares(error=None):
        """A request: which versions it asked."""
        asked, choices = [], stand_ins.choices([pinned])
        while True:
            asked.append(choices[0].version.version)
            if error is None or choices[0].version is not pinned:
                stand_ins.answered(choices, {"faces"})
                return asked
            choices = stand_ins.instead(choices, error)

    broken = ClipmillError("MODEL_FAILED", "No.", "")
    broken.model = "faces"
    assert fares(broken) == ["by lies", "by 3"]
    clock[0] = TRIED_AGAIN_S - 1
    assert fares(broken) == ["by 3"]
    # The first request's message may be of another owner's video.
    assert stand_ins.choices([pinned])[0].why == "that one failed a moment ago (MODEL_FAILED)."
    clock[0] = TRIED_AGAIN_S
    assert fares(broken) == ["by lies", "by 3"]
    clock[0] = 3 * TRIED_AGAIN_S
    assert fares() == ["by lies"]
    assert fares() == ["by lies"]


async def test_where_nothing_stands_in_or_it_fails_as_well_the_first_error_is_told(children, blobs):
    for pinned in (await version(blobs, "lies"), await spare(blobs, "lies", earlier="raises", smaller=3)):
        with pytest.raises(ClipmillError) as caught:
            await answered(children, pinned)
        assert caught.value.code == "MODEL_OUTPUT_INVALID"


async def test_what_would_stand_in_makes_no_other_result(blobs):
    plain, spared = await version(blobs, 3), await spare(blobs, 3, earlier=5)
    spared.reason = "the champion at admission"
    asked = [VisionTask(video_id="v", pinned=[each]) for each in (plain, spared, await version(blobs, 5))]
    assert digest_of(asked[0]) == digest_of(asked[1]) != digest_of(asked[2])


def packaged(number):
    """A version of the package: here is number 1."""
    return PinnedVersion(model="faces", version=str(number), definition="harness.tiny_models:TIMES")


async def test_a_packaged_version_answers_where_the_package_has_it(children):
    assert await answered(children, packaged(1)) == (14, {}), "the part names its own package's models"


async def test_where_the_package_is_another_the_task_is_handed_on_once_and_then_done_by_what_is_here(children):
    with cautions([packaged(2)], may_be_handed_on=True), pytest.raises(ClipmillError) as caught:
        await children.run(7)
    assert (caught.value.code, caught.value.retryable) == ("VERSION_NOT_HERE", True)
    assert "the package here has faces 1" in caught.value.message
    with cautions([packaged(2)]) as said:
        assert await children.run(7) == 14
    (caution,) = said.cautions
    assert caution.code == "MODEL_STOOD_IN"
    assert "answered by the version of the package here instead of 2: " in caution.message
    assert said.versions == {"faces": "1"}
    # Nothing is broken: the next task is handed on, too.
    with cautions([packaged(2)], may_be_handed_on=True), pytest.raises(ClipmillError):
        await children.run(7)


async def test_a_packaged_version_that_is_short_of_memory_is_answered_by_the_smaller_one(blobs, tmp_path):
    running = ModelChildren(f"{__name__}:short_in_a_child", 1, Inference(), pins=Pins(blobs, tmp_path / "scratch"))
    pinned = PinnedVersion(model="faces", version="1", definition="harness.tiny_models:LARGE")
    pinned.smaller.CopyFrom(await version(blobs, 3, "small"))
    try:
        assert await answered(running, pinned) == (21, {"faces": "small"})
    finally:
        await running.close()
