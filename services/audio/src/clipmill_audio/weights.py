"""Whisper's weights: found where the user has them, else downloaded, resumed and checked."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from pydantic import BaseModel, Field, ValidationError
from yarl import URL

from clipmill_audio.domain.engines import SIZES
from clipmill_shared.errors import ClipmillError
from clipmill_shared.guarded_http import GuardedHttp, HttpLimits, RefusedAddressError

log = structlog.get_logger()

_REPOSITORIES = {
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
}
_NEEDED = ("model.bin", "config.json", "tokenizer.json")
CHUNK_BYTES = 1 << 20
OK, PARTIAL = 200, 206
# A connection that broke is taken up again; this many times in a row without a byte, it is given up.
TRIES = 4
PAUSE_S = 1.0
LOCK_EVERY_S = 0.5
LIMITS = HttpLimits(connect_s=10, idle_s=30, total_s=6 * 3600)


class _Lfs(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _File(BaseModel):
    rfilename: str = Field(max_length=200)
    size: int = Field(ge=0, le=20 << 30)
    blob_id: str = Field("", alias="blobId", pattern=r"^([0-9a-f]{40})?$")
    lfs: _Lfs | None = None


class _Listing(BaseModel):
    sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    siblings: list[_File] = Field(max_length=200)


class Weights:
    """Errors of `fetch`: ClipmillError WEIGHTS_UNREACHABLE, WEIGHTS_DAMAGED (both may pass); OSError: disk full."""

    def __init__(
        self, folder: Path, hub_url: str, environment: Mapping[str, str] = os.environ, limits: HttpLimits = LIMITS
    ) -> None:
        self._folder = folder.expanduser()
        self._hub = hub_url.rstrip("/")
        self._cache = _users_cache(environment)
        self._limits = limits

    def find(self, size: str) -> tuple[Path, str] | None:
        """The folder with the weights of a size, the user's before ours, and their revision; None without."""
        theirs = self._cache / f"models--{repository(size).replace('/', '--')}"
        try:
            revision = (theirs / "refs" / "main").read_text().strip()
        except OSError:
            revision = ""
        if revision and _is_whole(theirs / "snapshots" / revision):
            return theirs / "snapshots" / revision, revision
        ours = self._folder / size
        return (ours, (ours / "revision").read_text()) if _is_whole(ours) else None

    def present(self) -> list[str]:
        """The sizes whose weights are here."""
        return [size for size in SIZES if self.find(size)]

    async def fetch(self, size: str, report: Callable[[float], None]) -> None:
        """Download the weights of a size, unless somebody has done so meanwhile; `report` hears 0 to 1."""
        self._folder.mkdir(parents=True, exist_ok=True)
        async with _locked(self._folder / f"{size}.lock"):
            if await asyncio.to_thread(self.find, size):
                return
            http = GuardedHttp(self._limits, frozenset({str(URL(self._hub).host)}))
            try:
                await self._download(http, size, report)
            except (aiohttp.ClientError, TimeoutError, RefusedAddressError) as error:
                raise _unreachable(self._hub, repr(error)) from None
            finally:
                await http.close()

    async def _download(self, http: GuardedHttp, size: str, report: Callable[[float], None]) -> None:
        listing = await self._listing(http, size)
        files = [file for file in listing.siblings if _is_wanted(file.rfilename)]
        total = sum(file.size for file in files) or 1
        log.info("downloading weights", model=f"whisper:{size}", megabytes=round(total / 1e6), source=self._hub)
        partial = self._folder / f"{size}.partial"
        partial.mkdir(exist_ok=True)
        done = 0
        for file in files:
            before = done
            url = f"{self._hub}/{repository(size)}/resolve/{listing.sha}/{file.rfilename}"
            # The revision, so that what another one began is not gone on with.
            target = partial / f"{listing.sha[:12]}-{file.rfilename}"
            await _resume(http, url, target, file, lambda here, before=before: report((before + here) / total))  # type: ignore[misc]
            done += file.size
        (self._folder / size).mkdir(exist_ok=True)
        # The one without which the rest does not count comes last.
        for file in sorted(files, key=lambda file: file.rfilename == "model.bin"):
            (partial / f"{listing.sha[:12]}-{file.rfilename}").replace(self._folder / size / file.rfilename)
            (self._folder / size / "revision").write_text(listing.sha)
        for left in partial.iterdir():
            left.unlink()
        partial.rmdir()

    async def _listing(self, http: GuardedHttp, size: str) -> _Listing:
        url = f"{self._hub}/api/models/{repository(size)}/revision/main?blobs=true"
        async with http.get(url) as response:
            if response.status != OK:
                raise _unreachable(self._hub, f"it answers {response.status}")
            try:
                return _Listing.model_validate_json(await response.read())
            except ValidationError:
                raise _unreachable(self._hub, "it does not answer as the hub does") from None


def repository(size: str) -> str:
    """The hub's repository of a size, as faster-whisper has it."""
    return _REPOSITORIES.get(size, f"Systran/faster-whisper-{size}")


async def _resume(http: GuardedHttp, url: str, target: Path, file: _File, report: Callable[[int], None]) -> None:
    """Download a file, going on after what is there, as often as the connection breaks and something had come."""
    left = TRIES
    while True:
        size = target.stat().st_size if target.exists() else 0
        try:
            if size < file.size:
                await _append(http, url, target, file, report)
            break
        except (aiohttp.ClientError, TimeoutError):
            came = target.exists() and target.stat().st_size > size
            left = TRIES if came else left - 1
            if left == 0:
                raise
            await asyncio.sleep(PAUSE_S)
    if not await asyncio.to_thread(_is_right, target, file):
        target.unlink(missing_ok=True)
        raise ClipmillError(
            "WEIGHTS_DAMAGED",
            f"{file.rfilename} came otherwise than the hub's checksum says; it was thrown away.",
            "Run the same command again; if it happens again, something between here and the hub changes files.",
            retryable=True,
        )


async def _append(http: GuardedHttp, url: str, target: Path, file: _File, report: Callable[[int], None]) -> None:
    """Go on after what is there; from the beginning where the server cannot."""
    have = target.stat().st_size if target.exists() else 0
    async with http.get(url, {"Range": f"bytes={have}-"} if have else {}) as response:
        if response.status not in (OK, PARTIAL):
            raise aiohttp.ClientError(f"it answers {response.status}")
        goes_on = response.status == PARTIAL
        have = have if goes_on else 0
        with await asyncio.to_thread(target.open, "ab" if goes_on else "wb") as output:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                have += len(chunk)
                if have > file.size:
                    break
                await asyncio.to_thread(output.write, chunk)
                report(have)
    if have < file.size:
        raise aiohttp.ClientError("the connection broke off")


def _is_right(path: Path, file: _File) -> bool:
    """A large file by its SHA-256, a small one by git's name of it."""
    if not path.exists() and file.size == 0:
        path.touch()
    if path.stat().st_size != file.size:
        return False
    known: Any = hashlib.sha256() if file.lfs else hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            known.update(chunk)
    return bool(known.hexdigest() == (file.lfs.sha256 if file.lfs else file.blob_id))


def _is_wanted(name: str) -> bool:
    return "/" not in name and (name in (*_NEEDED, "preprocessor_config.json") or name.startswith("vocabulary."))


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _NEEDED) and any(folder.glob("vocabulary.*"))


def _users_cache(environment: Mapping[str, str]) -> Path:
    """Where huggingface_hub keeps what it has downloaded."""
    if cache := environment.get("HF_HUB_CACHE"):
        return Path(cache)
    home = environment.get("HF_HOME")
    base = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(home) if home else base / "huggingface") / "hub"


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """One process, and one task of it, at a time; the system lets go of it when the process ends."""
    with await asyncio.to_thread(path.open, "w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(LOCK_EVERY_S)
        yield


def _unreachable(hub: str, why: str) -> ClipmillError:
    return ClipmillError(
        "WEIGHTS_UNREACHABLE",
        f"Whisper's weights cannot be downloaded from {hub}: {why[:200]}.",
        "Check the connection, or put them into the Hugging Face cache of this user; --asr moonshine needs none.",
        retryable=True,
    )
