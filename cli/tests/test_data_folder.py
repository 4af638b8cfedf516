"""The data folder: bounded, swept of the dead, emptied, and never pulled from under a run."""

import os
import time

import pytest

from clipmill_cli.data_folder import DataFolder
from clipmill_cli.running import the_only_one
from clipmill_shared.errors import ClipmillError, DiskFullError


@pytest.fixture
def data(tmp_path) -> DataFolder:
    return DataFolder(tmp_path / "data", max_bytes=1000)


def keep(data: DataFolder, name: str, size: int, age_s: float) -> None:
    data.blobs.mkdir(parents=True, exist_ok=True)
    path = data.blobs / name
    path.write_bytes(b"x" * size)
    then = time.time() - age_s
    os.utime(path, (then, then))


def test_a_run_has_a_folder_that_is_gone_when_it_is_over(data):
    with data.run() as run:
        assert run.path.is_dir()
    assert not list((data.path / "runs").iterdir())


def test_what_a_killed_run_left_is_swept_and_what_runs_is_not(data):
    dead = data.path / "runs" / "dead"
    dead.mkdir(parents=True)
    (dead / "lock").touch()
    with data.run() as first, data.run() as second:
        assert not dead.exists()
        assert first.path.is_dir() and second.path.is_dir()


def test_the_least_recently_used_goes_first_when_it_holds_too_much(data):
    for name, size, age_s in (("old", 600, 90_000), ("older", 600, 100_000), ("young", 600, 10)):
        keep(data, name, size, age_s)
    data.shrink()
    assert {path.name for path in data.blobs.iterdir()} == {"young"}


def test_what_was_used_just_now_stays_even_beyond_the_bound(data):
    keep(data, "young", 5000, 10)
    data.shrink()
    assert (data.blobs / "young").exists()


def test_emptying_frees_all(data):
    keep(data, "old", 600, 10)
    with data.run():
        pass
    assert data.empty() == 600
    assert not data.path.exists()


def test_emptying_is_refused_while_a_run_is_in_progress(data):
    with data.run(), pytest.raises(ClipmillError, match="in progress"):
        data.empty()


def test_what_up_keeps_goes_only_when_everything_is_to_go(data):
    (data.up / "sql").mkdir(parents=True)
    (data.up / "sql" / "ingest.sqlite").write_bytes(b"x" * 10)
    assert data.empty() == 0
    assert data.empty(everything=True) == 10
    assert not data.path.exists()


def test_what_up_keeps_is_not_taken_from_under_it(data):
    with the_only_one(data.up), pytest.raises(ClipmillError, match="is running"):
        data.empty(everything=True)


def test_a_run_does_not_begin_without_room(tmp_path):
    with pytest.raises(DiskFullError), DataFolder(tmp_path, 1000, min_free_bytes=1 << 60).run():
        pass
