"""Folders for work in progress."""

from clipmill_shared.scratch import scratch_folder


def test_it_is_gone_when_its_process_stops(tmp_path):
    with scratch_folder(tmp_path, "host.domain-1") as folder:
        (folder / "part").write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_by_the_next_and_what_is_in_use_is_not(tmp_path):
    (tmp_path / "host.domain-1.lock").touch()
    (tmp_path / "host.domain-1").mkdir()
    with scratch_folder(tmp_path, "host.domain-2") as second, scratch_folder(tmp_path, "host.domain-3") as third:
        assert {path for path in tmp_path.iterdir() if path.is_dir()} == {second, third}
