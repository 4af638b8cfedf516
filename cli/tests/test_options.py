"""What `clipmill run` can be asked."""

import click
import pytest
from click.testing import CliRunner

from clipmill.clips.v1.clips_pb2 import CaptionLook, Layout, Masking
from clipmill_cli.options import Options, run_options


def asked(*arguments: str, video: str = "talk.mp4") -> tuple[Options | None, str]:
    """The options that a command line means, or what is wrong with it."""
    heard: list[Options] = []
    answer = CliRunner().invoke(click.command()(run_options(heard.append)), [*arguments, "--", video])
    return (heard[0] if heard else None), answer.output


@pytest.mark.parametrize(
    ("text", "range_s"),
    [
        ("10:00-40:00", (600, 2400)),
        ("90-300.5", (90, 300.5)),
        ("0:05-1:02:03", (5, 3723)),
        ("90:00-100:00", (5400, 6000)),
    ],
)
def test_a_range_is_said_in_seconds_or_as_on_a_clock(text, range_s):
    options, _ = asked("--range", text)

    assert options.ranges == (range_s,)
    assert [(span.start_s, span.end_s) for span in options.request().ranges] == [range_s]


@pytest.mark.parametrize("text", ["10", "10-", "-10", "20-10", "1:60-2:00", "1:99:00-2:00:00", "a-b", "0-1e3", "nan-5"])
def test_what_is_no_range_is_refused_with_an_example_or_a_reason(text):
    options, output = asked("--range", text)

    assert options is None
    assert "10:00-40:00" in output or "ends before it begins" in output


def test_lengths_and_shape_are_left_to_the_platform_unless_they_are_said():
    request = asked("--platform", "reels", "--max", "90")[0].request()

    assert (request.platform, request.min_s, request.max_s, request.aspect) == ("reels", 0, 90, 0)


def test_what_clips_are_to_be_about_goes_into_the_request():
    options, _ = asked("--about", "raising money", "--range", "0-10", "--range", "20-30")

    assert options.request().about == "raising money"
    assert len(options.request().ranges) == 2
    assert asked()[0].request().about == ""


def test_how_the_picture_fills_the_frame_is_chosen_by_shot_unless_it_is_said():
    assert asked()[0].request().layout == Layout.LAYOUT_AUTO
    assert asked("--layout", "fit")[0].request().layout == Layout.LAYOUT_FIT
    assert asked("--layout", "four")[0] is None


def test_a_look_is_named_or_read_from_a_file_whose_faults_name_the_field(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('name = "bold"\ncolour = "#ff0000"\n')
    assert asked("--caption-style", "quiet")[0].request().finish.look == CaptionLook(name="quiet")
    assert asked("--caption-style", str(own))[0].request().finish.look == CaptionLook(name="bold", colour="#ff0000")
    own.write_text("size = 30\n")
    options, output = asked("--caption-style", str(own))
    assert options is None
    assert "size: 30 is not from 0.4 to 2" in " ".join(output.split())
    assert asked("--caption-style", str(tmp_path / "none.toml"))[0] is None


def test_coarse_words_are_masked_where_it_is_asked_for():
    assert asked()[0].request().finish.masking == Masking.MASKING_UNSPECIFIED
    assert asked("--mask-profanity", "sound")[0].request().finish.masking == Masking.MASKING_SOUND


def test_names_are_listed_or_read_from_a_file_each_once(tmp_path):
    (tmp_path / "names.txt").write_text("Nairobi\n\nBjörn Borg, Oaxaca\n", encoding="utf-8")
    options, _ = asked("--vocabulary", "Clipmill, Nairobi", "--vocabulary", str(tmp_path / "names.txt"))
    assert list(options.request().vocabulary) == ["Clipmill", "Nairobi", "Björn Borg", "Oaxaca"]
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xff")
    assert "cannot be read" in asked("--vocabulary", str(tmp_path / "bad.txt"))[1]


def test_cuts_and_exports_go_into_the_request():
    finish = asked("--cut-fillers", "--cut-pauses", "0.8", "--export", "otio,edl")[0].request().finish
    assert (finish.cut_fillers, finish.cut_pauses_s, list(finish.exports)) == (True, 0.8, ["otio", "edl"])
    assert asked("--export", "fcp")[0] is None
    assert asked("--cut-pauses", "0.1")[0] is None


def test_a_brand_is_read_with_the_command_line_and_what_is_wrong_with_it_is_said_by_its_field(tmp_path):
    (tmp_path / "brand.toml").write_text('name = "Acme"\n[logo]\nfile = "logo.png"\n')
    options, _ = asked("--brand", str(tmp_path))
    assert (options.brand.brand.name, options.brand.files) == ("Acme", {"logo": tmp_path / "logo.png"})
    (tmp_path / "brand.toml").write_text('[logo]\nfile = "logo.png"\nopacity = 7\n')
    assert "logo.opacity: 7 is not from 0.05 to 1" in " ".join(asked("--brand", str(tmp_path))[1].split())


def test_how_far_music_is_under_speech_is_said_of_music():
    assert "--music FILE" in asked("--music-below", "12")[1]


@pytest.mark.parametrize(
    ("video", "arguments", "told"),
    [
        ("ftp://example.org/a.mp4", (), "http:// and https:// are"),
        ("rtmp://example.org/a", (), "with --live"),
        ("ftp://example.org/a.mp4", ("--live",), "rtmp://"),
        ("", (), "VIDEO is empty"),
    ],
)
def test_what_is_neither_a_file_nor_an_address_is_refused(video, arguments, told):
    options, output = asked(*arguments, video=video)

    assert options is None
    assert told in " ".join(output.replace("│", " ").split())


@pytest.mark.parametrize(("video", "arguments"), [("HTTPS://example.org/a.mp4", ()), ("rtmp://e.org/a", ("--live",))])
def test_an_address_is_an_address_in_any_case(video, arguments):
    options, _ = asked(*arguments, video=video)

    assert options.is_url
