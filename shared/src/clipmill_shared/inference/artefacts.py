"""Registered versions as definitions that run here: their artefacts in a folder, each checked by its hash."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from pathlib import Path

from clipmill.models.v1.models_pb2 import PinnedVersion, Version
from clipmill_shared.blobs import Blobs, sha256_of
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.definition import Definition, definition_at


class Artefacts:
    """`folder` may be shared by processes; it is a cache, and may vanish between two starts."""

    def __init__(self, blobs: Blobs, folder: Path) -> None:
        self._blobs = blobs
        self._folder = folder
        self._checked: set[Path] = set()

    async def definition(self, version: Version) -> Definition:
        """What runs the version. Errors: VERSION_NOT_HERE, ARTEFACT_DAMAGED, BLOB_MISSING."""
        reference = await self.reference(version)
        try:
            definition = await asyncio.to_thread(definition_at, reference)
        except Exception as error:
            raise not_here(version.model, version.version, f"{type(error).__name__}: {error}") from error
        if definition.version != version.version:
            raise not_here(version.model, version.version, f"the package here has {definition.version}")
        return definition

    async def reference(self, version: Version | PinnedVersion) -> str:
        """Where a child process finds what runs the version, its artefact in place."""
        if not version.HasField("artefact"):
            return version.definition
        return f"{version.definition}@{await self._path(version)}"

    async def _path(self, version: Version | PinnedVersion) -> Path:
        ref = version.artefact.blob
        path = self._folder / version.model / version.version / ref.sha256
        if path in self._checked:
            return path
        if not await asyncio.to_thread(_is, path, ref.sha256):
            async with self._blobs.local(ref) as local:
                if not await asyncio.to_thread(_is, local, ref.sha256):
                    raise ClipmillError(
                        "ARTEFACT_DAMAGED",
                        f"The artefact of {version.model} {version.version} is not the one that was registered.",
                        "Register it anew under another version, and promote that.",
                    )
                await asyncio.to_thread(_copy, local, path)
        self._checked.add(path)
        return path


def not_here(model: str, version: str, why: str) -> ClipmillError:
    return ClipmillError(
        "VERSION_NOT_HERE",
        f"The version {version} of {model} cannot be run here: {why[:300]}.",
        "Install its package in every process, or promote a version that they have.",
    )


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path)[0] == sha256


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    shutil.copyfile(source, partial)
    partial.replace(target)
