"""What a child says: all of it in its file, and on the terminal what a person should see."""

import json

import pytest

from clipmill_cli import child_log
from clipmill_cli.child_log import ChildLog


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path, shown):
    log = ChildLog(tmp_path / "log" / "audio.log", shown.append, is_json=True)
    yield log
    log.close()


def line(**record: object) -> bytes:
    return json.dumps(record).encode() + b"\n"


def test_lines_are_put_together_from_pieces(log, tmp_path):
    said = line(event="a", level="info") + line(event="b", level="info")
    lines = [whole for at in range(0, len(said), 7) for whole in log.take(said[at : at + 7])]
    assert [json.loads(whole)["event"] for whole in lines] == ["a", "b"]
    assert (tmp_path / "log" / "audio.log").read_bytes() == said


def test_warnings_are_shown_in_words_with_their_details(log, shown):
    log.take(line(event="all is well", level="info"))
    log.take(line(event="offsets cannot be committed", level="warning", logger="clipmill_shared", topic="a.v1"))
    assert shown == ["warning: offsets cannot be committed  topic=a.v1"]


def test_what_is_no_log_line_is_shown_as_it_is(log, shown):
    log.take(b"Segmentation fault\n")
    assert shown == ["Segmentation fault"]
    assert log.last == "Segmentation fault"


def test_what_kafkas_driver_says_at_each_attempt_is_in_the_file_only(log, shown, tmp_path):
    log.take(line(event="Unable to connect", level="error", logger="aiokafka.conn"))
    assert shown == []
    assert "Unable to connect" in (tmp_path / "log" / "audio.log").read_text()


def test_a_line_without_end_is_cut(log):
    assert log.take(b"x" * (2 * child_log.MAX_LINE_BYTES)) == ["x" * child_log.MAX_LINE_BYTES]


def test_the_file_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(child_log, "FILE_BYTES", 1000)
    log = ChildLog(tmp_path / "a.log", lambda _line: None, is_json=True)
    for _ in range(500):
        log.take(b"x" * 99 + b"\n")
    log.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + child_log.FILES
    assert all(file.stat().st_size <= 1000 for file in files)
