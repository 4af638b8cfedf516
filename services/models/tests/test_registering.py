"""Versions are registered by reference and hash, and nothing that is something else is kept."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from registry_world import SCALE, RegistryWorld, code_of

from clipmill.models.v1 import models_pb2 as pb


async def test_a_version_is_kept_with_its_artefact_and_listed(world_on_each: RegistryWorld):
    world = world_on_each
    request = world.table("1.1")
    request.metadata.CopyFrom(pb.Metadata(title="By two", licence="MIT", measured={"error": ".1"}))
    (*_, last) = await world.register(request)
    assert (last.version.state, last.version.definition) == (pb.STATE_REGISTERED, "registry_models:SCALE")
    assert last.version.artefact.blob.sha256 == request.sha256
    assert await world.blobs.exists(last.version.artefact.blob)
    listed = await world.call("ListVersions", pb.ListVersionsRequest(model="scale"))
    assert list(listed.versions) == [last.version]
    assert listed.versions[0].metadata.measured["error"] == ".1"


async def test_lists_come_in_pages_the_newest_first(world_on_each: RegistryWorld):
    world = world_on_each
    for number in range(5):
        await world.register(world.table(f"1.{number}", number))
    seen, token = [], ""
    while True:
        page = await world.call("ListVersions", pb.ListVersionsRequest(page_size=2, page_token=token))
        seen += [version.version for version in page.versions]
        if not (token := page.next_page_token):
            break
    assert seen == ["1.4", "1.3", "1.2", "1.1", "1.0"]


async def test_the_same_again_is_the_same_version_and_another_under_its_name_is_refused(world: RegistryWorld):
    request = world.table("1.1")
    first, again = [(await world.register(request))[-1].version for _ in range(2)]
    assert first == again
    assert await code_of(world.register(world.table("1.1", factor=3))) == "VERSION_EXISTS"
    assert (await world.version("1.1")).artefact == first.artefact


async def test_an_artefact_with_another_hash_is_refused_and_not_kept(world: RegistryWorld):
    request = world.table("1.1")
    request.sha256 = "0" * 64
    assert await code_of(world.register(request)) == "ARTEFACT_HASH_DIFFERS"
    assert await code_of(world.version("1.1")) == "VERSION_NOT_FOUND"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pickle.dumps({"factor": 2}), pb.FORMAT_TABLE),
        (b"PK\x03\x04 an archive of pickles", pb.FORMAT_SAFETENSORS),
        (b"no json", pb.FORMAT_TABLE),
        (b"[1, 2]", pb.FORMAT_TABLE),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", pb.FORMAT_SAFETENSORS),
        (b"hello", pb.FORMAT_ONNX),
    ],
)
async def test_what_is_not_of_its_format_or_could_run_code_is_refused(world: RegistryWorld, content: bytes, kind: int):
    request = world.file("weights", content)
    request.format, request.definition = kind, SCALE
    assert await code_of(world.register(request)) == "ARTEFACT_FORMAT_REFUSED"
    assert await code_of(world.version("1.1")) == "VERSION_NOT_FOUND"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("model", "../escape", "INVALID_VERSION"),
        ("version", "a/b", "INVALID_VERSION"),
        ("version", "", "INVALID_VERSION"),
        ("sha256", "", "INVALID_VERSION"),
        ("format", pb.FORMAT_UNSPECIFIED, "INVALID_VERSION"),
        ("definition", "os:system", "INVALID_VERSION"),
        ("definition", f"clipmill_models.{'a' * 256}:MODEL", "INVALID_VERSION"),
        ("artefact", f"https://example.org/{'a' * 4096}", "INVALID_VERSION"),
        ("definition", "clipmill_models.faces.definition", "INVALID_VERSION"),
        ("artefact", "/etc/hostname", "INPUT_NOT_UNDER_IMPORT_ROOT"),
        ("artefact", "http://127.0.0.1:9/x", "ARTEFACT_UNREACHABLE"),
    ],
)
async def test_a_request_that_cannot_be_is_refused(world: RegistryWorld, field: str, value: object, code: str):
    request = world.table("1.1")
    setattr(request, field, value)
    assert await code_of(world.register(request)) == code


async def test_a_signature_that_cannot_be_is_refused(world: RegistryWorld):
    request = world.table("1.1")
    request.signature.inputs.add(name="x", dtype="FLOAT128", shape=[2])
    assert await code_of(world.register(request)) == "INVALID_SIGNATURE"


async def test_only_the_operator_changes_anything_and_everybody_may_look(world: RegistryWorld):
    await world.validated("1.1")
    stranger = replace(world, owner="eve")
    assert await code_of(stranger.register(stranger.table("1.2"))) == "PERMISSION_DENIED"
    named = {"model": "scale", "version": "1.1"}
    for method, request in (
        ("Validate", pb.ValidateRequest(**named)),
        ("Promote", pb.PromoteRequest(**named, alias=pb.ALIAS_CHAMPION)),
        ("Rollback", pb.RollbackRequest(model="scale", alias=pb.ALIAS_CHAMPION)),
        ("ClearAlias", pb.ClearAliasRequest(model="scale", alias=pb.ALIAS_SHADOW)),
        ("DeleteVersion", pb.DeleteVersionRequest(**named)),
    ):
        assert await code_of(stranger.call(method, request)) == "PERMISSION_DENIED", method
    assert (await stranger.version("1.1")).version == "1.1"
