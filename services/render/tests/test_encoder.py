"""A machine's encoder is used where it works; where it does not, x264 is, and the result says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import av
import pytest
from clipmill_render import encoder as encoders
from clipmill_render.encoder import AUTO, KINDS, SOFTWARE, Encoder, Kind, encoder_for


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Lets the machine have just these encoders, and x264."""

    def have(**kinds: Kind) -> None:
        monkeypatch.setattr(encoders, "KINDS", {**kinds, SOFTWARE: KINDS[SOFTWARE]})

    encoder_for.cache_clear()
    yield have
    encoder_for.cache_clear()


def bits(_: str, __: int) -> Sequence[str]:
    return ("-b:v", "1M")


def test_what_encodes_is_used(make_clip, film, only):
    # No machine of a test has a graphics processor for sure: another encoder in its place.
    only(libopenh264=Kind(lambda: True, bits))
    assert encoder_for(AUTO) == Encoder("libopenh264")
    clip = make_clip(film(frames=30), 0.0, 1.0, encoder=AUTO)
    assert (clip.result.encoder, clip.result.encoder_reason) == ("libopenh264", "")
    with av.open(str(clip.result.video)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    assert len(clip.pictures) == 25


def test_what_is_not_here_is_not_tried_unless_it_is_asked_for(only):
    only(h264_nonesuch=Kind(lambda: False, bits))
    assert encoder_for(AUTO) == Encoder(SOFTWARE)
    found = encoder_for("h264_nonesuch")
    assert found.name == SOFTWARE
    assert found.reason.startswith("h264_nonesuch does not work here: ")
    assert "Unknown encoder" in found.reason


def test_what_fails_in_the_middle_is_replaced_and_the_result_says_why(make_clip, film, only):
    # A trial is 240 lines high; the clip is less.
    only(libopenh264=Kind(lambda: True, bits, upload=("crop=w=iw:h=240",)))
    clip = make_clip(film(frames=30), 0.0, 1.0, encoder=AUTO)
    assert clip.result.encoder == SOFTWARE
    assert clip.result.encoder_reason.startswith("libopenh264 failed: ")
    assert len(clip.pictures) == 25


@pytest.mark.parametrize("name", ["h264_nvenc", "h264_vaapi"])
def test_an_encoder_that_ffmpeg_lists_and_whose_device_is_missing_is_replaced_and_the_result_says_why(
    make_clip, film, monkeypatch, tmp_path, name
):
    """Each in ffmpeg's own words: the drivers that it looks for are not here, or are told that there is no device."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    missing = replace(KINDS["h264_vaapi"], before=("-vaapi_device", str(tmp_path / "renderD128")))
    monkeypatch.setattr(encoders, "KINDS", {**KINDS, "h264_vaapi": missing})
    encoder_for.cache_clear()
    try:
        clip = make_clip(film(frames=30), 0.0, 1.0, encoder=name)
    finally:
        encoder_for.cache_clear()
    assert clip.result.encoder == SOFTWARE
    assert clip.result.encoder_reason.startswith(f"{name} does not work here: ")
    assert len(clip.pictures) == 25
