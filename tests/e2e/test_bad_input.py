"""Every bad input: one clear line that names the file and the remedy, the right exit code, nothing left behind.

And every odd one that is not bad: it works.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from e2e.support import Clipmill, Ran
from videos import write_video

from clipmill_cli.results import ResultRecord

# Silent tones have no sentence: what matters here is the file, so clips are chosen by picture.
ODD = ("--clips", "1", "--min", "1", "--max", "4", "--captions", "none")


def assert_input_refused(ran: Ran, clipmill: Clipmill, name: str, *words: str) -> None:
    assert ran.code == 3, (ran.code, ran.err)
    (line,) = ran.error_lines
    assert name in line, line
    for word in words:
        assert word.lower() in line.lower(), line
    assert "Traceback" not in ran.err
    assert_nothing_left(clipmill)


def assert_nothing_left(clipmill: Clipmill) -> None:
    assert not [p for p in clipmill.folder.iterdir() if p.name.endswith("-clips")]
    kept = [p for p in clipmill.data.rglob("*") if p.is_file() and p.suffix != ".log"]
    assert not kept, kept


def result(clipmill: Clipmill, stem: str) -> ResultRecord:
    return ResultRecord.model_validate_json((clipmill.folder / f"{stem}-clips" / "clips.json").read_text())


def test_a_missing_file(clipmill):
    assert_input_refused(clipmill("run", "nowhere.mp4"), clipmill, "nowhere.mp4", "does not exist")


def test_a_folder(clipmill):
    (clipmill.folder / "folder").mkdir()
    assert_input_refused(clipmill("run", "folder"), clipmill, "folder", "is a folder")


def test_an_empty_file(clipmill):
    (clipmill.folder / "empty.mp4").touch()
    assert_input_refused(clipmill("run", "empty.mp4"), clipmill, "empty.mp4", "empty")


def test_text_renamed(clipmill):
    (clipmill.folder / "text.mp4").write_text("This is not a video. " * 500)
    assert_input_refused(clipmill("run", "text.mp4"), clipmill, "text.mp4", "not a video")


def test_a_playlist_inside_a_file_reaches_nothing(clipmill):
    secret = clipmill.folder / "secret.mp4"
    write_video(secret, seconds=2)
    (clipmill.folder / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    (clipmill.folder / "concat.mp4").write_text(f"ffconcat version 1.0\nfile {secret}\n")
    for name in ("list.mp4", "concat.mp4"):
        assert_input_refused(clipmill("run", name), clipmill, name, "not a video")


@pytest.mark.parametrize("share", [0.02, 0.6])
def test_a_truncated_file(clipmill, share):
    whole = write_video(clipmill.folder / "whole.mp4", seconds=4)
    cut = clipmill.folder / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    assert_input_refused(clipmill("run", "cut.mp4"), clipmill, "cut.mp4")


def test_a_truncated_file_with_its_index_in_front(clipmill):
    import subprocess

    from imageio_ffmpeg import get_ffmpeg_exe

    whole = write_video(clipmill.folder / "whole.mp4", seconds=6)
    fast = clipmill.folder / "fast.mp4"
    command = [get_ffmpeg_exe(), "-v", "error", "-i", whole, "-c", "copy", "-movflags", "+faststart", fast]
    subprocess.run([*map(str, command)], check=True)
    cut = clipmill.folder / "cut.mp4"
    cut.write_bytes(fast.read_bytes()[: fast.stat().st_size // 2])
    assert_input_refused(clipmill("run", "cut.mp4"), clipmill, "cut.mp4", "truncated")


def test_sound_without_picture(clipmill):
    write_video(clipmill.folder / "sound.mp4", video=False)
    assert_input_refused(clipmill("run", "sound.mp4"), clipmill, "sound.mp4", "no moving picture")


def test_a_stream_of_zero_length(clipmill):
    write_video(clipmill.folder / "zero.mkv", seconds=0, audio_tracks=0)
    assert_input_refused(clipmill("run", "zero.mkv"), clipmill, "zero.mkv")


def test_a_codec_that_cannot_be_read(clipmill):
    path = write_video(clipmill.folder / "codec.mkv", seconds=1)
    content = path.read_bytes()
    assert content.count(b"V_MPEG4/ISO/AVC") == 1
    path.write_bytes(content.replace(b"V_MPEG4/ISO/AVC", b"V_NOSUCH/CO/DEC"))
    assert_input_refused(clipmill("run", "codec.mkv"), clipmill, "codec.mkv", "codec")


def test_a_file_over_the_limits(clipmill):
    write_video(clipmill.folder / "long.mp4", seconds=3)
    clipmill.environment["CLIPMILL_INGEST_MAX_DURATION_S"] = "2"
    assert_input_refused(clipmill("run", "long.mp4"), clipmill, "long.mp4", "CLIPMILL_INGEST_MAX_DURATION_S")
    del clipmill.environment["CLIPMILL_INGEST_MAX_DURATION_S"]
    clipmill.environment["CLIPMILL_INGEST_MAX_FILE_BYTES"] = "1000"
    assert_input_refused(clipmill("run", "long.mp4"), clipmill, "long.mp4", "CLIPMILL_INGEST_MAX_FILE_BYTES")


def test_no_clip_fits(clipmill):
    write_video(clipmill.folder / "short.mp4", seconds=3)
    ran = clipmill("run", "short.mp4", "--min", "20", "--max", "40")
    assert ran.code == 4
    assert "--min" in ran.err and "Traceback" not in ran.err
    assert not (clipmill.folder / "short-clips").exists()


@pytest.mark.parametrize(
    "args",
    [("run",), ("run", "a.mp4", "--min", "30", "--max", "20"), ("run", "a.mp4", "--aspect", "4:3"), ("nothing",)],
    ids=" ".join,
)
def test_wrong_usage(clipmill, args):
    ran = clipmill(*args)
    assert ran.code == 2 and "Error:" in ran.err


def test_a_language_that_no_engine_here_knows(clipmill):
    write_video(clipmill.folder / "talk.mp4", seconds=2)
    ran = clipmill("run", "talk.mp4", "--language", "fr")
    assert ran.code == 2 and "fr" in ran.error_lines[0]


def test_no_sound_is_a_warning(clipmill):
    write_video(clipmill.folder / "silent.mp4", audio_tracks=0)
    ran = clipmill("run", "silent.mp4", *ODD)
    assert ran.code == 0, ran.err
    assert "NO_AUDIO" in {w.code for w in result(clipmill, "silent").warnings}
    assert "NO_AUDIO" in ran.err


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("vfr.mkv", {"times": [0, 1, 2, 3, 9, 10, 11, 30, 31, 32, 33, 50, 55, 60, 61, 62, 70, 74]}),
        ("rotated.mp4", {"rotation": 90}),
        ("odd.mkv", {"size": (321, 181), "pixel_format": "yuv444p"}),
        ("tracks.mp4", {"audio_tracks": 3}),
        ("späte Größe – 日本語 'n\" $x.mp4", {}),
        ("x" * 240 + ".mp4", {}),
        ("late.mkv", {"start_s": 7.0}),
    ],
    ids=["vfr", "rotated", "odd", "tracks", "non-ascii", "long-name", "late-start"],
)
def test_odd_but_right_input_gives_clips(clipmill, name, how):
    write_video(clipmill.folder / name, **how)
    ran = clipmill("run", name, "-o", "out-clips", *ODD)
    assert ran.code == 0, ran.err
    clip = result(clipmill, "out").clips[0]
    assert clip.width == pytest.approx(clip.height * 9 / 16, abs=2)
    if "rotation" in how:
        assert (result(clipmill, "out").source.width, result(clipmill, "out").source.height) == (180, 320)


def test_timestamps_that_jump_back_are_a_warning(clipmill):
    whole = write_video(clipmill.folder / "whole.ts", seconds=3).read_bytes()
    # Two transport streams end to end: the clock starts again in the middle.
    (clipmill.folder / "jump.ts").write_bytes(whole + whole)
    ran = clipmill("run", "jump.ts", *ODD)
    assert ran.code == 0, ran.err
    assert "TIMESTAMPS_NOT_MONOTONIC" in {w.code for w in result(clipmill, "jump").warnings}
    assert "jump.ts" in ran.err and "TIMESTAMPS_NOT_MONOTONIC" in ran.err


class _Answers(BaseHTTPRequestHandler):
    """A small web server of a test's own."""

    video = b""

    def do_GET(self) -> None:
        if self.path == "/talk.mp4":
            self._send(200, "video/mp4", self.video)
        elif self.path == "/page":
            self._send(200, "text/html", b"<!doctype html><title>A page</title>")
        elif self.path == "/page-with-video":
            page = b'<!doctype html><title>A page</title><video src="/talk.mp4" type="video/mp4"></video>'
            self._send(200, "text/html", page)
        elif self.path == "/inward":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.2:1/secret.mp4")
            self.end_headers()
        else:
            self._send(404, "text/plain", b"no")

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def web(clipmill):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Loopback is refused by default: the test says that this one address may be asked.
    clipmill.environment["CLIPMILL_INGEST_URL_ALLOWED_HOSTS"] = '["127.0.0.1"]'
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_url_gives_clips(clipmill, web, tmp_path):
    _Answers.video = write_video(tmp_path / "served.mp4").read_bytes()
    ran = clipmill("run", f"{web}/talk.mp4", *ODD)
    assert ran.code == 0, ran.err
    assert result(clipmill, "talk").source.url == f"{web}/talk.mp4"


def test_a_url_that_is_not_there(clipmill, web):
    assert_input_refused(clipmill("run", f"{web}/gone.mp4"), clipmill, "/gone.mp4", "404")


def test_a_url_of_a_page(clipmill, web):
    assert_input_refused(clipmill("run", f"{web}/page"), clipmill, "/page", "a web page")


def test_a_video_on_a_page(clipmill, web, tmp_path):
    _Answers.video = write_video(tmp_path / "served.mp4").read_bytes()
    ran = clipmill("run", f"{web}/page-with-video", "-o", "page-clips", *ODD)
    assert ran.code == 0, ran.err
    assert result(clipmill, "page").clips


def test_a_url_that_never_answers(clipmill):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clipmill.environment["CLIPMILL_INGEST_URL_ALLOWED_HOSTS"] = '["127.0.0.1"]'
        clipmill.environment["CLIPMILL_INGEST_URL_IDLE_TIMEOUT_S"] = "1"
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert_input_refused(clipmill("run", f"http://{address}/talk.mp4"), clipmill, address)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/a.mp4", "http://[::1]:9/a.mp4", "http://169.254.169.254/latest", "http://localhost:9/a.mp4",
     "http://10.0.0.1/a.mp4"],
)  # fmt: skip
def test_a_private_address_is_refused(clipmill, url):
    assert_input_refused(
        clipmill("run", url), clipmill, url.split("/")[2].split(":9")[0].strip("[]"), "refused", "not a public address"
    )


def test_an_address_written_as_a_number_is_refused(clipmill):
    assert_input_refused(clipmill("run", "http://2130706433/a.mp4"), clipmill, "2130706433")


def test_a_redirect_to_a_private_address_is_refused(clipmill, web):
    assert_input_refused(clipmill("run", f"{web}/inward"), clipmill, "127.0.0.2", "refused", "not a public address")


@pytest.mark.parametrize(("size", "least_free"), [("2m", "0"), ("2m", "64")], ids=["in the middle", "at the start"])
def test_a_full_disk(clipmill, size, least_free):
    write_video(clipmill.folder / "talk.mp4", seconds=12, size=(1280, 720))
    full = clipmill.folder / "full"
    full.mkdir()
    mounted = 'mount -t tmpfs -o size=$1 none "$2" && shift 2 && exec "$@"'
    prefix = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mounted, "sh", size, str(full))
    clipmill.environment |= {"CLIPMILL_DATA_DIR": str(full), "CLIPMILL_DATA_MIN_FREE_MIB": least_free}
    process = clipmill.start("run", "talk.mp4", *ODD, "--max", "12", "--min", "10", prefix=prefix)
    out, err = process.communicate(timeout=200)
    if "mount:" in err or "unshare:" in err:
        pytest.skip("a full disk is made by mounting a small one, which this machine refuses")
    ran = Ran(process.returncode, out, err)
    assert ran.code == 5, err
    assert "No space is left" in ran.error_lines[0] and "clipmill clean" in ran.error_lines[0]
    assert "Traceback" not in err
    assert not (clipmill.folder / "talk-clips").exists()


def test_no_room_to_begin_with(clipmill):
    write_video(clipmill.folder / "talk.mp4")
    full = Path("/dev/full")
    clipmill.environment["CLIPMILL_DATA_DIR"] = str(full / "data")
    ran = clipmill("run", "talk.mp4")
    assert ran.code == 5 and "CLIPMILL_DATA_DIR" in ran.error_lines[0]
