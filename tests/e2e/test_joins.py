"""A made talk whose topic returns: what is chosen is what is seen and heard, both pieces and nothing between.

Each word is a burst of tone, so that a word that is cut, lost or of another place is seen in the clip's sound.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from clipmill_render.exchange import Request as Rendering
from clipmill_render.work import render
from clipmill_scoring.exchange import Request
from clipmill_scoring.explained import scored_clip
from clipmill_scoring.work import choose_clips

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Loudness, Word
from clipmill.clips.v1.clips_pb2 import ASPECT_SOURCE, CAPTION_STYLE_NONE, ClipHead, Finish, RenderTask, ScoringTask
from clipmill.common.v1.common_pb2 import PROFILE_FAST
from clipmill.media.v1.media_pb2 import AudioStream, MediaInfo, VideoStream

RATE_HZ, FPS, SIZE = 48_000, 10, (160, 90)
WORD_S, BURST_S, PAUSE_S = 0.4, 0.3, 0.8
TALK = (
    "Why did I leave the bank where I had worked for ten years?",
    "My boss there was a man who counted the minutes of our lunch.",
    "You never knew whether he would laugh or shout at you in that bank.",
    "The telescope was launched in the winter of last year.",
    "Its mirror is folded like a flower and opens in space.",
    "It can see galaxies whose light has travelled for thirteen billion years.",
    "Astronomers all over the world wait for months for an hour with it.",
    "Children learn a language by listening long before they speak.",
    "A baby can tell the sounds of every language apart.",
    "By their first birthday they keep only those of their mother tongue.",
    "So my boss at the bank called me and said that I was fired!",
    "I laughed, and I told my boss that I had already left his bank.",
    "My mother cried, and then she said that I was never so brave in that bank.",
)


def spoken() -> list[Word]:
    words, at_s = [], 1.0
    for line in TALK:
        texts = line.split()
        for k, text in enumerate(texts):
            ends = k == len(texts) - 1
            words.append(Word(text=text, start_s=at_s, end_s=at_s + BURST_S, ends_sentence=ends))
            at_s += WORD_S
        at_s += PAUSE_S
    return words


def tone_hz(k: int) -> int:
    """Word k's own, 20 Hz from its neighbours'."""
    return 300 + 20 * k


@pytest.fixture(scope="module")
def words() -> list[Word]:
    return spoken()


@pytest.fixture(scope="module")
def chosen(words) -> ClipHead:
    info = MediaInfo(duration_s=words[-1].end_s + 1)
    heard = AudioAnalysis(language="en", words=words, loudness=Loudness())
    task = ScoringTask(video_id="v", info=info, clips=1, min_s=20, max_s=40)
    (clip,) = choose_clips(Request(task, [heard], []), lambda _: None).choice.clips
    return scored_clip(clip, 1).head


@pytest.fixture(scope="module")
def made(tmp_path_factory, words, chosen):
    folder = tmp_path_factory.mktemp("joins")
    source, duration_s = folder / "talk.mp4", words[-1].end_s + 1
    film(source, words, duration_s)
    info = MediaInfo(
        duration_s=duration_s,
        container="mov",
        video=VideoStream(width=SIZE[0], height=SIZE[1], display_width=SIZE[0], display_height=SIZE[1], fps=FPS),
        audio=AudioStream(sample_rate_hz=RATE_HZ, channels=1, index=1),
    )
    task = RenderTask(
        info=info, clip=chosen, aspect=ASPECT_SOURCE, captions=CAPTION_STYLE_NONE, profile=PROFILE_FAST,
        finish=Finish(exports=["otio"]),
    )  # fmt: skip
    work = folder / "work"
    work.mkdir()
    heard = AudioAnalysis(language="en", words=words)
    return render(Rendering(source, work, task, (heard,), (), 1, None), lambda _: None)


def film(path, words, duration_s) -> None:
    times = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    sound = np.zeros(len(times), np.float32)
    for k, word in enumerate(words):
        inside = slice(round(word.start_s * RATE_HZ), round(word.end_s * RATE_HZ))
        sound[inside] = 0.1 * np.sin(2 * np.pi * tone_hz(k) * times[inside])
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = *SIZE, "yuv420p"
        track = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        for number in range(round(duration_s * FPS)):
            grey = np.full((SIZE[1], SIZE[0], 3), 40 + number % 150, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        tone = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        tone.sample_rate, tone.pts, tone.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        container.mux(track.encode(tone))
        container.mux(track.encode(None))


def test_the_story_s_beginning_and_its_end_make_one_clip(chosen, words):
    assert len(chosen.pieces) == 2
    assert 20 <= sum(piece.end_s - piece.start_s for piece in chosen.pieces) <= 40
    assert (chosen.range.start_s, chosen.range.end_s) == (chosen.pieces[0].start_s, chosen.pieces[1].end_s)
    for piece in chosen.pieces:
        inside = [k for k, word in enumerate(words) if piece.start_s <= word.start_s and word.end_s <= piece.end_s]
        assert words[inside[-1]].ends_sentence and (inside[0] == 0 or words[inside[0] - 1].ends_sentence)
        assert not any(w.start_s < edge < w.end_s for w in words for edge in (piece.start_s, piece.end_s))


def test_every_word_of_both_pieces_is_heard_whole_and_no_other(made, chosen, words):
    with av.open(str(made.video)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    sound = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    level = np.sqrt(np.convolve(sound**2, np.ones(480) / 480, mode="same"))
    loud = np.flatnonzero(
        np.diff(np.concatenate(([False], level > 0.3 * np.percentile(level, 95), [False])).astype(int))
    )
    bursts = loud.reshape(-1, 2)

    said = [k for k, w in enumerate(words) if any(p.start_s <= w.start_s and w.end_s <= p.end_s for p in chosen.pieces)]
    assert len(bursts) == len(said)
    for (begin, end), k in zip(bursts.tolist(), said, strict=True):
        assert (end - begin) / RATE_HZ == pytest.approx(BURST_S, abs=0.03)
        middle = sound[begin + 2400 : begin + 2400 + 9600] * np.hanning(9600)
        heard_hz = np.argmax(np.abs(np.fft.rfft(middle, 48_000)))
        assert heard_hz == pytest.approx(tone_hz(k), abs=8)


def test_subtitles_and_the_edit_for_editors_have_both_pieces_alone(made, chosen):
    written = {path.suffix: path.read_text() for path in made.files}

    assert "Why did I leave" in written[".srt"] and "so brave" in written[".srt"]
    assert "telescope" not in written[".srt"]
    assert written[".otio"].count('"Clip.') >= 2
