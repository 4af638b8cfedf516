"""Blobs: content-addressed bytes in an object store, and source videos that are read where they lie.

Nothing larger than an event travels on the bus; a BlobRef does. `blob:` references are in the object store, under
the owner; `file:` references are files under an import root, which are read in place (a long video is not copied).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore

from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_shared.errors import ClipmillError
from clipmill_shared.object_store import Faults, store_of

M = TypeVar("M", bound=Message)
CHUNK_BYTES = 1 << 20
# What is moved by one request of a store that is elsewhere: small enough to be repeated, and to be held in memory.
PART_BYTES = 16 << 20
PARTS_AT_ONCE = 4
SHA256 = re.compile("[0-9a-f]{64}")


class BlobMissingError(ClipmillError):
    """A reference leads to nothing, or to other bytes than it says."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__("BLOB_MISSING", f"{uri}: {why}.", "Run the same command again: it is made anew.")


class Blobs:
    """Reads and writes blobs of one object store.

    `import_roots` are the folders whose files may be referenced in place. Errors: BlobMissingError, DiskFullError,
    and of a store that is elsewhere BlobsUnavailableError, BlobsRefusedError.
    """

    def __init__(self, store: ObjectStore, scratch: Path, import_roots: tuple[Path, ...] = ()) -> None:
        self._store = store
        self._scratch = scratch
        self._faults = Faults(store, scratch)
        self._import_roots = tuple(root.resolve() for root in import_roots)
        scratch.mkdir(parents=True, exist_ok=True)

    @classmethod
    def in_folder(cls, folder: Path, scratch: Path, import_roots: tuple[Path, ...] = ()) -> Blobs:
        folder.mkdir(parents=True, exist_ok=True)
        return cls(LocalStore(folder), scratch, import_roots)

    @classmethod
    def from_url(cls, url: str, scratch: Path, import_roots: tuple[Path, ...] = ()) -> Blobs:
        """Blobs at file:///folder, memory:, s3://bucket/prefix ...: see `store_of`."""
        return cls(store_of(url), scratch, import_roots)

    async def check(self) -> None:
        """See that the store is there and lets us in; BlobsUnavailableError, BlobsRefusedError."""
        with self._faults:
            async for _ in self._store.list(chunk_size=1):
                return

    async def put_bytes(self, owner_id: str, content: bytes, media_type: str) -> BlobRef:
        """Store `content`; the same content of the same owner is stored once."""
        digest = hashlib.sha256(content).hexdigest()
        key = _key(owner_id, digest)
        with self._faults:
            await self._store.put_async(key, content)
        return BlobRef(uri=f"blob:{key}", size_bytes=len(content), sha256=digest, media_type=media_type)

    async def put_message(self, owner_id: str, message: Message) -> BlobRef:
        """Store a typed record; its media type names the message."""
        content = message.SerializeToString(deterministic=True)
        return await self.put_bytes(owner_id, content, f"application/protobuf; type={message.DESCRIPTOR.full_name}")

    async def put_file(self, owner_id: str, path: Path, media_type: str) -> BlobRef:
        """Store a file's bytes; a file of this process's scratch folder is moved, not copied, where it can be."""
        digest, size = await asyncio.to_thread(sha256_of, path)
        key = _key(owner_id, digest)
        with self._faults:
            if isinstance(self._store, LocalStore) and path.is_relative_to(self._scratch):
                await asyncio.to_thread(_move, path, self._local_path(key))
            else:
                await self._store.put_async(key, path, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        return BlobRef(uri=f"blob:{key}", size_bytes=size, sha256=digest, media_type=media_type)

    async def reference_file(self, path: Path, sha256: str, media_type: str) -> BlobRef:
        """Refer to a file under an import root where it lies."""
        real, size = await asyncio.to_thread(self._file_in_place, path)
        return BlobRef(uri=f"file:{real}", size_bytes=size, sha256=sha256, media_type=media_type)

    async def get_bytes(self, ref: BlobRef) -> bytes:
        """The whole content, checked by size and SHA-256. For records, not for videos."""
        try:
            with self._faults:
                result = await self._store.get_async(_key_of(ref))
                content = bytes(await result.bytes_async())
        except FileNotFoundError as error:
            raise BlobMissingError(ref.uri, "it is not in the store") from error
        if len(content) != ref.size_bytes or hashlib.sha256(content).hexdigest() != ref.sha256:
            raise BlobMissingError(ref.uri, "its content is not what its reference says")
        return content

    async def get_message(self, ref: BlobRef, kind: type[M]) -> M:
        """A typed record."""
        try:
            return kind.FromString(await self.get_bytes(ref))
        except DecodeError as error:
            raise BlobMissingError(ref.uri, f"it is not a {kind.DESCRIPTOR.full_name}") from error

    async def stream(self, ref: BlobRef, offset: int = 0) -> AsyncIterator[bytes]:
        """The content from `offset`, in pieces of at most 1 MiB."""
        if not ref.uri.startswith("file:") and not isinstance(self._store, LocalStore):
            async for part in self._parts(ref, offset):
                for at in range(0, len(part), CHUNK_BYTES):
                    yield bytes(part[at : at + CHUNK_BYTES])
            return
        async with self.local(ref) as path:
            with await asyncio.to_thread(path.open, "rb") as file:
                file.seek(offset)
                while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                    yield chunk

    async def exists(self, ref: BlobRef) -> bool:
        """True when the blob is there with the size that its reference says."""
        if ref.uri.startswith("file:"):
            try:
                _, size = await asyncio.to_thread(self._file_in_place, Path(ref.uri.removeprefix("file:")))
            except ClipmillError:
                return False
            return size == ref.size_bytes
        try:
            with self._faults:
                meta = await self._store.head_async(_key_of(ref))
        except FileNotFoundError:
            return False
        return int(meta["size"]) == ref.size_bytes

    async def delete(self, ref: BlobRef) -> None:
        """Erase a blob of the store; a file under an import root is the user's own and stays."""
        if ref.uri.startswith("blob:"):
            with contextlib.suppress(FileNotFoundError), self._faults:
                await self._store.delete_async(_key_of(ref))

    @asynccontextmanager
    async def local(self, ref: BlobRef) -> AsyncIterator[Path]:
        """A local file with the content, for decoders, which open nothing but local files. Do not write to it."""
        if ref.uri.startswith("file:"):
            path, size = await asyncio.to_thread(self._file_in_place, Path(ref.uri.removeprefix("file:")))
            if size != ref.size_bytes:
                raise ClipmillError(
                    "INPUT_CHANGED", f"{path} changed while it was being read.", "Run the same command again."
                )
            yield path
        elif isinstance(self._store, LocalStore):
            path = self._local_path(_key_of(ref))
            if await asyncio.to_thread(_size_of, path) != ref.size_bytes:
                raise BlobMissingError(ref.uri, "it is not in the store, or not whole")
            yield path
        else:
            async with self.scratch_folder() as folder:
                yield await self._download(ref, folder / "blob")

    @asynccontextmanager
    async def scratch_folder(self) -> AsyncIterator[Path]:
        """A folder for work in progress, erased when the context is left; on the store's disk where it is local."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._scratch))
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, True)

    # --- keyed records: the cache of results ---

    async def write_record(self, owner_id: str, key: str, message: Message) -> None:
        """Keep a record under a key of the caller's choice, replacing what was there."""
        with self._faults:
            await self._store.put_async(f"{owner_id}/results/{key}", message.SerializeToString(deterministic=True))

    async def keep_record(self, owner_id: str, key: str, message: M, instead_of: M | None = None) -> M:
        """Keep a record unless there is one under this key already; the one that is there then.

        One that is `instead_of`, or that cannot be read, is replaced.
        """
        if instead_of is None:
            try:
                with self._faults:
                    content = message.SerializeToString(deterministic=True)
                    await self._store.put_async(f"{owner_id}/results/{key}", content, mode="create")
                return message
            except AlreadyExistsError:
                if (there := await self.read_record(owner_id, key, type(message))) is not None:
                    return there
        await self.write_record(owner_id, key, message)
        return message

    async def read_record(self, owner_id: str, key: str, kind: type[M]) -> M | None:
        """The record under a key, or None when there is none that can be read."""
        try:
            with self._faults:
                result = await self._store.get_async(f"{owner_id}/results/{key}")
                return kind.FromString(bytes(await result.bytes_async()))
        except (FileNotFoundError, DecodeError):
            return None

    async def record_keys(self, owner_id: str, folder: str) -> list[str]:
        """The keys of the records that begin with `folder` and a slash; those that were written last come first."""
        place = f"{owner_id}/results/"
        found = []
        with self._faults:
            async for metas in self._store.list(f"{place}{folder}"):
                found += [(meta["last_modified"], meta["path"]) for meta in metas]
        return [path.removeprefix(place) for _, path in sorted(found, reverse=True)]

    async def delete_record(self, owner_id: str, key: str) -> None:
        """Erase the record under a key; one that is not there is erased already."""
        with contextlib.suppress(FileNotFoundError), self._faults:
            await self._store.delete_async(f"{owner_id}/results/{key}")

    async def _download(self, ref: BlobRef, path: Path) -> Path:
        digest = hashlib.sha256()
        with self._faults, await asyncio.to_thread(path.open, "wb") as file:
            async for part in self._parts(ref, 0):
                await asyncio.to_thread(digest.update, part)
                await asyncio.to_thread(file.write, part)
        if digest.hexdigest() != ref.sha256:
            raise BlobMissingError(ref.uri, "its content is not what its reference says")
        return path

    async def _parts(self, ref: BlobRef, offset: int) -> AsyncIterator[memoryview]:
        """A stored blob from `offset`, as much at a time as one request brings."""
        for start in range(offset, ref.size_bytes, PART_BYTES):
            length = min(PART_BYTES, ref.size_bytes - start)
            try:
                with self._faults:
                    part = memoryview(await self._store.get_range_async(_key_of(ref), start=start, length=length))
            except FileNotFoundError as error:
                raise BlobMissingError(ref.uri, "it is not in the store") from error
            if len(part) != length:
                raise BlobMissingError(ref.uri, "it is shorter than its reference says")
            yield part

    def _local_path(self, key: str) -> Path:
        assert isinstance(self._store, LocalStore)
        return Path(str(self._store.prefix)) / key

    def under_import_root(self, path: Path) -> Path:
        """The real path of a file that may be referenced in place; ClipmillError when it is under no import root."""
        real = path.resolve()
        if not any(real.is_relative_to(root) for root in self._import_roots):
            raise ClipmillError(
                "INPUT_NOT_UNDER_IMPORT_ROOT",
                f"{path} is not under an import root.",
                "Upload the video, or add its folder to CLIPMILL_IMPORT_ROOTS.",
            )
        return real

    def _file_in_place(self, path: Path) -> tuple[Path, int]:
        """The real path of a referenced file, and its size in bytes."""
        real = self.under_import_root(path)
        size = _size_of(real)
        if size is None:
            raise ClipmillError("INPUT_NOT_FOUND", f"{path} is not there any more.", "Put the file back and run again.")
        return real, size


def sha256_of(path: Path, progress: Callable[[float], None] = lambda _: None) -> tuple[str, int]:
    """The SHA-256 (hexadecimal) and size in bytes of a file, read in pieces; `progress` is told the share read."""
    digest = hashlib.sha256()
    total = max(path.stat().st_size, 1)
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(8 * CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            progress(size / total)
    return digest.hexdigest(), size


def _key(owner_id: str, digest: str) -> str:
    return f"{owner_id}/blobs/{digest[:2]}/{digest}"


def _key_of(ref: BlobRef) -> str:
    """Where a blob lies. Its place follows from its owner and content, so that a reference leads nowhere else."""
    scheme, _, key = ref.uri.partition(":")
    owner_id = key.partition("/")[0]
    if scheme != "blob" or not SHA256.fullmatch(ref.sha256) or owner_id in ("", ".", ".."):
        raise BlobMissingError(ref.uri, "it is not a reference to the store")
    if key != _key(owner_id, ref.sha256):
        raise BlobMissingError(ref.uri, "its content is not what its reference says: its name and its SHA-256 differ")
    return key


def _size_of(path: Path) -> int | None:
    """The size of a file in bytes, or None when it is not there."""
    return path.stat().st_size if path.is_file() else None


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
