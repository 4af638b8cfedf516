"""Blobs: what is put can be got back whole, or not at all."""

import errno
import hashlib
from pathlib import Path

import pytest

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Word
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill_shared.blobs import PART_BYTES, BlobMissingError, Blobs, sha256_of
from clipmill_shared.errors import ClipmillError, DiskFullError
from clipmill_shared.object_store import is_disk_full

# More than one request of a store that is elsewhere.
SIZE = PART_BYTES + 3_000_000


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.real)])
def blobs(request, tmp_path, monkeypatch) -> Blobs:
    roots = (tmp_path / "videos",)
    if request.param == "folder":
        url = (tmp_path / "a store").as_uri()
    elif request.param == "memory":
        url = "memory:"
    else:
        s3 = request.getfixturevalue("s3_server")
        for name, value in s3.environment(s3.server.port).items():
            monkeypatch.setenv(name, value)
        url = f"s3://{s3.bucket()}/clips"
    return Blobs.from_url(url, tmp_path / "scratch", roots)


async def test_a_store_that_lets_us_in_is_known(blobs):
    await blobs.check()
    await blobs.put_bytes("ann", b"hello", "text/plain")
    await blobs.check()


async def test_bytes_come_back(blobs):
    ref = await blobs.put_bytes("ann", b"hello", "text/plain")
    assert ref.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert await blobs.get_bytes(ref) == b"hello"
    assert await blobs.exists(ref)


async def test_the_same_content_has_the_same_reference_within_an_owner_and_another_outside(blobs):
    first = await blobs.put_bytes("ann", b"hello", "text/plain")
    assert await blobs.put_bytes("ann", b"hello", "text/plain") == first
    assert (await blobs.put_bytes("bob", b"hello", "text/plain")).uri != first.uri


async def test_records_come_back_typed(blobs):
    analysis = AudioAnalysis(language="en", words=[Word(text="Hello.", start_s=0.5, end_s=1.0)])
    ref = await blobs.put_message("ann", analysis)
    assert await blobs.get_message(ref, AudioAnalysis) == analysis


async def test_files_come_back_as_local_files(blobs):
    async with blobs.scratch_folder() as folder:
        path = folder / "clip.mp4"
        path.write_bytes(b"x" * SIZE)
        ref = await blobs.put_file("ann", path, "video/mp4")
    assert not folder.exists()
    async with blobs.local(ref) as local:
        assert sha256_of(local) == (ref.sha256, ref.size_bytes)
    assert b"".join([piece async for piece in blobs.stream(ref, offset=SIZE - 1)]) == b"x"


async def test_what_is_deleted_is_missing_and_says_so(blobs):
    ref = await blobs.put_bytes("ann", b"hello", "text/plain")
    await blobs.delete(ref)
    await blobs.delete(ref)
    assert not await blobs.exists(ref)
    with pytest.raises(BlobMissingError):
        await blobs.get_bytes(ref)
    with pytest.raises(BlobMissingError):
        async with blobs.local(ref):
            pass


async def test_other_bytes_than_the_reference_says_are_refused(blobs):
    ref = await blobs.put_bytes("ann", b"hello", "text/plain")
    ref.sha256 = "0" * 64
    with pytest.raises(BlobMissingError, match="not what its reference says"):
        await blobs.get_bytes(ref)


async def test_a_file_with_other_bytes_than_the_reference_says_is_refused(blobs):
    ref = await blobs.put_bytes("ann", b"hello", "text/plain")
    longer = BlobRef(uri=ref.uri, sha256=ref.sha256, size_bytes=7)
    with pytest.raises(BlobMissingError):
        async with blobs.local(longer):
            pass
    assert not await blobs.exists(longer)


async def test_a_file_under_an_import_root_is_read_where_it_lies(blobs, tmp_path):
    video = tmp_path / "videos" / "talk.mp4"
    video.parent.mkdir()
    video.write_bytes(b"video")
    ref = await blobs.reference_file(video, sha256_of(video)[0], "video/mp4")
    async with blobs.local(ref) as path:
        assert path == video.resolve()
    await blobs.delete(ref)
    assert video.exists()


async def test_a_source_that_changed_is_refused(blobs, tmp_path):
    video = tmp_path / "videos" / "talk.mp4"
    video.parent.mkdir()
    video.write_bytes(b"video")
    ref = await blobs.reference_file(video, "0" * 64, "video/mp4")
    video.write_bytes(b"another video")
    with pytest.raises(ClipmillError, match="changed"):
        async with blobs.local(ref):
            pass


@pytest.mark.parametrize("path", ["/etc/passwd", "{root}/../secret", "{root}/link"])
async def test_nothing_outside_the_import_roots_is_read(blobs, tmp_path, path):
    root = tmp_path / "videos"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    ref = BlobRef(uri="file:" + path.format(root=root), size_bytes=6)
    with pytest.raises(ClipmillError) as raised:
        async with blobs.local(ref):
            pass
    assert raised.value.code == "INPUT_NOT_UNDER_IMPORT_ROOT"
    assert not await blobs.exists(ref)


async def test_records_are_kept_by_key_and_owner(blobs):
    await blobs.write_record("ann", "k", Word(text="one"))
    await blobs.write_record("ann", "k", Word(text="two"))
    assert await blobs.read_record("ann", "k", Word) == Word(text="two")
    assert await blobs.read_record("bob", "k", Word) is None


async def test_a_record_that_is_kept_first_stays_unless_it_is_to_be_replaced(blobs):
    one, two, three = (Word(text=text) for text in ("one", "two", "three"))
    assert await blobs.keep_record("ann", "k", one) == one
    assert await blobs.keep_record("ann", "k", two) == one
    assert await blobs.keep_record("ann", "k", three, instead_of=one) == three
    assert await blobs.read_record("ann", "k", Word) == three


async def test_a_full_disk_is_named(tmp_path):
    class FullStore:
        async def put_async(self, *_):
            raise OSError(errno.ENOSPC, "No space left on device")

    blobs = Blobs(FullStore(), tmp_path / "scratch")
    with pytest.raises(DiskFullError, match=r"No space is left.*clipmill clean"):
        await blobs.put_bytes("ann", b"hello", "text/plain")
    assert is_disk_full(OSError(errno.ENOSPC, "")) and not is_disk_full(OSError(errno.EACCES, ""))


def test_hashing_tells_its_progress(tmp_path: Path):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 20_000_000)
    shares: list[float] = []
    sha256_of(path, shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 1
