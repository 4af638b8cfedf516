"""A version is checked in a process of its own: whatever it does there, it is named, and nothing else is harmed."""

from __future__ import annotations

import numpy as np
import pytest
from registry_world import RegistryWorld, code_of, onnx_of_sum

from clipmill.models.v1 import models_pb2 as pb
from clipmill_shared.inference.messages import values_of


def validate(version: str) -> pb.ValidateRequest:
    return pb.ValidateRequest(model="scale", version=version)


def golden(x: float, y: float, tolerance: float = 0.01) -> pb.Goldens:
    given, known = ({name: np.array([[value, value]], np.float32)} for name, value in (("x", x), ("y", y)))
    return pb.Goldens(goldens=[pb.Golden(inputs=values_of(given), outputs=values_of(known), tolerance=tolerance)])


async def test_a_version_that_works_is_validated_and_its_signature_kept(world: RegistryWorld):
    request = world.table("1.1", factor=3)
    request.goldens.CopyFrom(golden(2, 6.005))
    await world.register(request)
    checked = await world.call("Validate", validate("1.1"))
    assert (checked.version.state, checked.goldens) == (pb.STATE_VALIDATED, 1)
    assert checked.load_s > 0 and checked.infer_s > 0
    (x,) = checked.version.signature.inputs
    assert (x.name, x.dtype, list(x.shape)) == ("x", "FP32", [2])
    assert (await world.version("1.1")).HasField("validated_at")


async def test_what_a_version_takes_is_measured_however_large_the_registry_itself_is(world: RegistryWorld):
    filling = np.ones(16 << 20)
    await world.register(world.table("1.1", behaviour="is large"))
    figures = (await world.call("Validate", validate("1.1"))).version.figures
    assert 32 << 20 <= figures.memory_bytes < filling.nbytes


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("crashes on load", "MODEL_CRASHED"),
        ("raises on load", "MODEL_LOAD_FAILED"),
        ("not a number", "MODEL_OUTPUT_INVALID"),
        ("wrong shape", "MODEL_OUTPUT_INVALID"),
    ],
)
async def test_what_is_wrong_with_a_version_is_named_and_kept_with_it(world: RegistryWorld, behaviour: str, code: str):
    await world.register(world.table("1.1", behaviour=behaviour))
    assert await code_of(world.call("Validate", validate("1.1"))) == code
    refused = await world.version("1.1")
    assert (refused.state, refused.failure.code) == (pb.STATE_REFUSED, code)
    assert await code_of(world.promote("1.1")) == "VERSION_NOT_VALIDATED"


async def test_a_version_that_hangs_is_stopped(tmp_path):
    async with RegistryWorld.running(tmp_path, validate_s=2.0) as world:
        await world.register(world.table("1.1", behaviour="hangs on load"))
        assert await code_of(world.call("Validate", validate("1.1"))) == "VALIDATION_TIMEOUT"
        assert (await world.version("1.1")).state == pb.STATE_REFUSED


async def test_another_answer_than_the_known_one_is_refused(world: RegistryWorld):
    request = world.table("1.1", factor=3)
    request.goldens.CopyFrom(golden(2, 6.5))
    await world.register(request)
    assert await code_of(world.call("Validate", validate("1.1"))) == "GOLDEN_DIFFERS"


async def test_a_signature_that_differs_from_the_definition_is_refused(world: RegistryWorld):
    request = world.table("1.1")
    request.signature.inputs.add(name="x", dtype="FP32", shape=[3])
    request.signature.outputs.add(name="y", dtype="FP32", shape=[2])
    await world.register(request)
    assert await code_of(world.call("Validate", validate("1.1"))) == "SIGNATURE_DIFFERS"


async def test_an_artefact_that_was_changed_in_the_store_is_refused(world: RegistryWorld):
    (*_, last) = await world.register(world.table("1.1"))
    ref = last.version.artefact.blob
    path = world.folder / "blobs" / ref.uri.removeprefix("blob:")
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    assert await code_of(world.call("Validate", validate("1.1"))) == "ARTEFACT_DAMAGED"


async def test_a_file_of_onnx_brings_its_signature_along(world: RegistryWorld):
    request = world.file("sum.onnx", onnx_of_sum())
    request.model, request.version, request.format = "added", "1", pb.FORMAT_ONNX
    await world.register(request)
    checked = await world.call("Validate", pb.ValidateRequest(model="added", version="1"))
    assert [(t.name, list(t.shape)) for t in checked.version.signature.inputs] == [("x", [2])]
    assert [(t.name, list(t.shape)) for t in checked.version.signature.outputs] == [("y", [2])]


async def test_a_damaged_file_of_onnx_is_refused(world: RegistryWorld):
    request = world.file("sum.onnx", onnx_of_sum()[:-40])
    request.model, request.version, request.format = "added", "1", pb.FORMAT_ONNX
    await world.register(request)
    assert await code_of(world.call("Validate", pb.ValidateRequest(model="added", version="1"))) == "MODEL_LOAD_FAILED"
