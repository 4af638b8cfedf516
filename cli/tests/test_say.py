"""What a command says at its end."""

import errno
from pathlib import Path

import pytest

from clipmill_cli.deliver import writing
from clipmill_cli.results import ClipRecord, OptionsRecord, ResultRecord, SourceRecord, WarningRecord
from clipmill_cli.say import say_result
from clipmill_shared.errors import ClipmillError


def clip(number: int, *warnings: WarningRecord) -> ClipRecord:
    return ClipRecord(
        rank=number, clip_id=f"c{number}", title="A title", reason="Because.", score=50, base=50, features=(),
        start_s=61, end_s=80, duration_s=19, video=f"clip-0{number}.mp4", thumbnail=f"clip-0{number}.jpg", width=1080,
        height=1920, text="Said.", words=(), warnings=warnings, sub_scores={},
    )  # fmt: skip


def test_a_warning_of_clips_names_them(capsys: pytest.CaptureFixture[str]):
    whole = WarningRecord(code="NO_AUDIO", message="No sound.", part="ingest")
    small = WarningRecord(code="SMALL_SOURCE", message="Enlarged.", part="render")
    face = WarningRecord(code="CAPTION_OVER_FACE", message="From 0.2 s on.", part="render")
    source = SourceRecord(
        name="a.mp4", sha256="0", size_bytes=1, duration_s=100, width=1280, height=720, fps=25, video_codec="h264"
    )
    options = OptionsRecord(clips=1, min_s=1, max_s=2, aspect="9:16", language="auto", captions="none", profile="fast")
    result = ResultRecord(
        clipmill_version="1", job_id="j", source=source, options=options, models=(), cached=False,
        clips=(clip(1, small), clip(2, small, face)), shortages=(), warnings=(whole, small, face),
    )  # fmt: skip

    say_result(False, Path("out"), result)

    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning")] == [
        "Warning: No sound. [NO_AUDIO]",
        "Warning: clip-01.mp4, clip-02.mp4: Enlarged. [SMALL_SOURCE]",
        "Warning: clip-02.mp4: From 0.2 s on. [CAPTION_OVER_FACE]",
    ]


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "DISK_FULL"), (errno.EROFS, "INVALID_OUTPUT"), (errno.EACCES, "INVALID_OUTPUT")]
)
def test_an_output_that_cannot_be_written_is_named_with_the_option_for_another(number: int, code: str):
    with pytest.raises(ClipmillError, match=r"clips cannot be written|disk of clips") as error, writing(Path("clips")):
        raise OSError(number, "It cannot.")

    assert error.value.code == code
    assert "-o" in error.value.remedy
