"""A file that is still being written gives what it gives once it is whole."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from e2e.support import Clipmill, make_clips
from imageio_ffmpeg import get_ffmpeg_exe

LENGTH_S = 36
OPTIONS = ("--clips", "1", "--min", "8", "--max", "25", "--captions", "none")


@pytest.fixture
def talk(sample: Path, tmp_path: Path) -> Path:
    """The sample's beginning as MPEG-TS."""
    path = tmp_path / "talk.ts"
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(sample), "-t", str(LENGTH_S), "-c", "copy", str(path)]
    subprocess.run(command, check=True)
    return path


def write(content: bytes, target: Path) -> None:
    """Ten times as fast as it was said."""
    pieces = 10 * LENGTH_S // 10
    with target.open("ab") as file:
        for n in range(pieces):
            file.write(content[n * len(content) // pieces : (n + 1) * len(content) // pieces])
            file.flush()
            time.sleep(0.1)


def test_its_clips_begin_where_the_files_do_and_say_the_same(tmp_path: Path, talk: Path) -> None:
    growing, output = tmp_path / "growing.ts", tmp_path / "live-clips"
    growing.touch()
    writer = threading.Thread(target=write, args=(talk.read_bytes(), growing))
    clipmill = Clipmill(tmp_path, {"CLIPMILL_INGEST_LIVE_IDLE_S": "60"})
    process = clipmill.start("run", "--live", growing, "-o", output, "--json", *OPTIONS)
    writer.start()
    lives, is_stopped = [], False
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] != "progress":
            break
        lives.append(event["live"])
        is_enough = event["live"]["heard_s"] > LENGTH_S / 2 and event["live"]["candidates"]
        if is_enough and not is_stopped and not writer.is_alive():
            # The end of the input, not of the command.
            process.send_signal(signal.SIGINT)
            is_stopped = True
    _, error = process.communicate(timeout=100)
    writer.join()
    assert (process.returncode, event["event"]) == (0, "result"), error

    assert any(live["lines"] and not live["ended"] for live in lives), "said while more came"
    assert any(live["candidates"] for live in lives)
    lines = {line["number"]: line["text"] for live in lives for line in live["lines"]}
    assert sorted(lines) == list(range(len(lines))) and "why does the other line" in lines[0].lower()
    assert event["source"]["duration_s"] == pytest.approx(LENGTH_S, abs=0.2)

    made = make_clips(tmp_path, talk, *OPTIONS).result.clips
    (clip,), (wanted,) = event["clips"], made
    # Parts are cut elsewhere, so a word may be heard otherwise, and of two nearly equal candidates the other one win.
    assert clip["start_s"] == pytest.approx(wanted.start_s, abs=0.1)
    said = [word["text"].lower() for word in clip["words"]], [word.text.lower() for word in wanted.words]
    same = sum(block.size for block in SequenceMatcher(None, *said, autojunk=False).get_matching_blocks())
    assert same > 0.8 * min(map(len, said))
    assert (output / clip["video"]).is_file()
