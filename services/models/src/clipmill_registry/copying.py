"""Artefacts, copied into the object store: from the web or from a folder, checked by their hash before they count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import aiohttp

from clipmill.models.v1.models_pb2 import Artefact, Format, RegisterRequest
from clipmill_registry.domain.formats import HEAD_BYTES, refusal
from clipmill_registry.settings import ModelsSettings
from clipmill_shared.blobs import Blobs, sha256_of
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError
from clipmill_shared.work import SYSTEM_OWNER

CHUNK_BYTES = 1 << 20
PAUSE_S = 0.5
# Told how many bytes are there, and of how many; 0 while that is not known.
Tell = Callable[[int, int], None]


class Copying:
    """Copies artefacts. What of a download is there stays in `folder` until it is whole, for the next who asks."""

    def __init__(self, settings: ModelsSettings, blobs: Blobs, folder: Path) -> None:
        self._settings = settings
        self._blobs = blobs
        self._folder = folder
        limits = HttpLimits(idle_s=settings.url_idle_s, total_s=24 * 3600.0)
        self._http = GuardedHttp(limits, settings.url_allowed_hosts)
        # By hash: two who want the same wait for one another.
        self._copying: dict[str, asyncio.Lock] = {}

    async def copy(self, request: RegisterRequest, tell: Tell) -> Artefact:
        """The artefact that a request names, in the store.

        Errors: ARTEFACT_UNREACHABLE, ARTEFACT_HASH_DIFFERS, ARTEFACT_FORMAT_REFUSED, INPUT_NOT_UNDER_IMPORT_ROOT,
        INPUT_TOO_LARGE, DISK_FULL.
        """
        lock = self._copying.setdefault(request.sha256, asyncio.Lock())
        async with lock:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
            path = self._folder / request.sha256
            if "://" in request.artefact:
                await self._download(request.artefact, path, tell)
            else:
                await self._read(Path(request.artefact), path, tell)
            try:
                await asyncio.to_thread(_check, path, request.sha256, request.format)
                blob = await self._blobs.put_file(SYSTEM_OWNER, path, f"application/x-{_name(request.format)}")
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        self._copying.pop(request.sha256, None)
        return Artefact(format=request.format, blob=blob, source=request.artefact)

    async def close(self) -> None:
        await self._http.close()

    async def _read(self, source: Path, path: Path, tell: Tell) -> None:
        real = await asyncio.to_thread(self._blobs.under_import_root, source)
        if not await asyncio.to_thread(real.is_file):
            raise ClipmillError("INPUT_NOT_FOUND", f"{source} is not there.", "Name a file under an import root.")
        size = (await asyncio.to_thread(real.stat)).st_size
        self._check_size(size)
        with real.open("rb") as file, path.open("wb") as target:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                await asyncio.to_thread(target.write, chunk)
                tell(target.tell(), size)

    async def _download(self, url: str, path: Path, tell: Tell) -> None:
        """The whole of `url`; what breaks off is gone on with, as long as something comes each time."""
        tries = self._settings.url_tries
        while True:
            there = await asyncio.to_thread(_size, path)
            try:
                return await self._more(url, path, tell)
            except RefusedAddressError as error:
                raise unreachable(url, str(error)) from None
            except (aiohttp.ClientError, TimeoutError) as error:
                tries = self._settings.url_tries if await asyncio.to_thread(_size, path) > there else tries - 1
                if tries == 0:
                    raise unreachable(url, str(error) or type(error).__name__, may_pass=True) from None
            await asyncio.sleep(PAUSE_S)

    async def _more(self, url: str, path: Path, tell: Tell) -> None:
        there = await asyncio.to_thread(_size, path)
        headers = {"Range": f"bytes={there}-", "Accept-Encoding": "identity"} if there else {}
        async with self._http.get(url, headers) as response:
            if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                # It is all there, or it was another file: its hash tells.
                return
            if response.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                raise unreachable(url, f"it answers {response.status}")
            # Who does not know of ranges sends all of it again.
            there = there if response.status == HTTPStatus.PARTIAL_CONTENT else 0
            size = there + (response.content_length or 0)
            self._check_size(size)
            with path.open("ab" if there else "wb") as file:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    there += len(chunk)
                    self._check_size(there)
                    await asyncio.to_thread(_write, file, chunk)
                    tell(there, size)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._settings.max_artefact_bytes:
            raise ClipmillError(
                "INPUT_TOO_LARGE",
                f"The artefact has {size_bytes} bytes, more than {self._settings.max_artefact_bytes}.",
                "Raise CLIPMILL_MODELS_MAX_ARTEFACT_BYTES.",
            )


def unreachable(url: str, why: str, *, may_pass: bool = False) -> ClipmillError:
    return ClipmillError(
        "ARTEFACT_UNREACHABLE",
        f"The artefact {url.partition('?')[0][:300]} cannot be fetched: {why[:200]}.",
        "Register it again, which goes on where it stopped; see that the address is right and public.",
        retryable=may_pass,
    )


def _check(path: Path, sha256: str, kind: Format.ValueType) -> None:
    found, size = sha256_of(path) if path.is_file() else ("nothing", 0)
    if found != sha256:
        raise ClipmillError(
            "ARTEFACT_HASH_DIFFERS",
            f"The artefact has the SHA-256 {found}, not {sha256}.",
            "See that the file and its hash belong together; nothing was registered.",
        )
    with path.open("rb") as file:
        why = refusal(kind, file.read(HEAD_BYTES), size)
    if why:
        raise ClipmillError(
            "ARTEFACT_FORMAT_REFUSED",
            f"The artefact is refused: {why}.",
            "Register ONNX, safetensors or a declared table; models come as data, never as code.",
        )


def _write(file: object, chunk: bytes) -> None:
    file.write(chunk)  # type: ignore[attr-defined]
    # What breaks off is gone on with from what is on disk.
    file.flush()  # type: ignore[attr-defined]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _name(kind: Format.ValueType) -> str:
    return Format.Name(kind).removeprefix("FORMAT_").lower()
