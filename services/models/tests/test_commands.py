"""`clipmill models`, as its user sees it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from registry_world import RegistryWorld

COMMAND = Path(sys.executable).with_name("clipmill")


async def clipmill(world: RegistryWorld, *words: str) -> tuple[int, str]:
    """In a process of its own: one has one event loop for gRPC."""
    command = [str(COMMAND), "models", *words, "--address", world.address]
    running = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    said, _ = await running.communicate()
    return running.returncode or 0, said.decode()


async def test_a_version_from_its_registration_to_its_end(world: RegistryWorld):
    files = [world.table(version, float(version)).artefact for version in ("1", "2")]
    for version, file in zip(("1", "2"), files, strict=True):
        more = ("--definition", "registry_models:SCALE", "--title", f"Times {version}")
        assert await clipmill(world, "register", "scale", version, file, *more) == (0, f"scale {version}: validated\n")
        code, said = await clipmill(world, "promote", "scale", version)
        assert code == 0 and said.startswith(f"The champion of scale is {version} now")
    code, said = await clipmill(world, "list")
    assert code == 0 and "Times 1" in said and "champion" in said
    assert await clipmill(world, "rollback", "scale") == (0, "The champion of scale is 1 now (was 2).\n")
    code, said = await clipmill(world, "history", "scale")
    assert code == 0 and "rolled back" in said and said.count("promoted") == 2
    code, said = await clipmill(world, "get", "scale")
    assert code == 0 and "x FP32 [2]" in said and "is           champion" in said


async def test_what_is_missing_is_said_before_anything_is_asked(world: RegistryWorld):
    code, said = await clipmill(world, "register", "scale", "1", "https://example.org/weights.onnx")
    assert code == 2 and "--sha256" in said
