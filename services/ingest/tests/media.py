"""Small videos made for one test each."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

FPS = 25
RATE = 48_000
LAYOUTS = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Sound:
    """A 440 Hz tone in [from_s, to_s) of a track that begins at `begins_s` on the container's clock.

    `gains` has one number a channel.
    """

    from_s: float = 0.0
    to_s: float = 1e9
    begins_s: float = 0.0
    duration_s: float | None = None
    language: str = "eng"
    gains: tuple[float, ...] = (1.0,)


def make(
    path: Path,
    duration_s: float = 2.0,
    *,
    sounds: Sequence[Sound] = (Sound(),),
    size: tuple[int, int] | None = (64, 48),
    codec: str = "libx264",
    audio_codec: str = "aac",
    pts: Callable[[int], int] = lambda n: n * 40,
    keyframe_every: int = 25,
    options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Write a video; `pts` gives the time in ms of the nth frame."""
    with av.open(str(path), "w", options=options or {}) as out:
        tracks = []
        video = None
        if size is not None:
            video = out.add_stream(codec, rate=FPS)
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            # An AVI has a chunk for each tick.
            tick = Fraction(1, FPS) if path.suffix == ".avi" else Fraction(1, 1000)
            video.time_base = video.codec_context.time_base = tick
            video.codec_context.gop_size = keyframe_every
            video.codec_context.max_b_frames = 0
            if pixel_aspect:
                video.codec_context.sample_aspect_ratio = pixel_aspect
            if codec == "libx264":
                video.options = {"preset": "ultrafast", "sc_threshold": "0"}
        for sound in sounds:
            track = out.add_stream(audio_codec, rate=RATE, layout=LAYOUTS[len(sound.gains)])
            track.metadata["language"] = sound.language
            tracks.append((track, sound))
        packets = []
        if video is not None:
            for n in range(round(duration_s * FPS)):
                frame = av.VideoFrame(size[0], size[1], "yuv420p")
                for plane, level in zip(frame.planes, (n * 5 % 200 + 16, 128, 128), strict=True):
                    plane.update(bytes([level]) * plane.buffer_size)
                frame.pts, frame.time_base = pts(n), Fraction(1, 1000)
                packets += video.encode(frame)
            packets += video.encode(None)
        for track, sound in tracks:
            length_s = duration_s if sound.duration_s is None else sound.duration_s
            packets += _tone(track, sound, length_s)
        for packet in sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)):
            out.mux(packet)
    return path


def _tone(track: av.AudioStream, sound: Sound, length_s: float) -> list[av.Packet]:
    times = np.arange(round(length_s * RATE)) / RATE + sound.begins_s
    wave = np.where((times >= sound.from_s) & (times < sound.to_s), 0.5 * np.sin(2 * np.pi * 440 * times), 0)
    packets = []
    for at in range(0, len(wave), 1024):
        block = np.outer(sound.gains, wave[at : at + 1024]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=LAYOUTS[len(block)])
        frame.sample_rate, frame.pts, frame.time_base = RATE, at + round(sound.begins_s * RATE), Fraction(1, RATE)
        packets += track.encode(frame)
    return packets + track.encode(None)


def samples(path: Path) -> np.ndarray:
    """The samples of a FLAC file that must be 16 kHz, mono and 16 bit."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        assert (stream.rate, stream.channels, stream.format.name) == (16_000, 1, "s16")
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])


def heard(wave: np.ndarray) -> tuple[float, float]:
    """Where the tone begins and ends, in seconds."""
    loud = np.flatnonzero(np.abs(wave.astype(int)) > 4000)
    return loud[0] / 16_000, (loud[-1] + 1) / 16_000


def pitch(wave: np.ndarray) -> float:
    """The loudest frequency of a tone from its first second to its third, in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(wave[16_000:48_000].astype(float))))) / 2


def two_programmes(path: Path) -> Path:
    """A transport stream of 64x48 with 440 Hz as one programme, and 128x96 with 880 Hz as another."""
    sources = ["testsrc=s=64x48:r=25", "sine=440", "testsrc=s=128x96:r=25", "sine=880"]
    inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
    maps = [part for n in range(4) for part in ("-map", str(n))]
    programmes = ["-program", "st=0:st=1", "-program", "st=2:st=3"]
    command = [get_ffmpeg_exe(), "-v", "error", *inputs, *maps, "-t", "4", "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([*command, "-g", "25", "-c:a", "aac", *programmes, str(path)], check=True)
    return path


def changing_sound(path: Path) -> Path:
    """4 s of a transport stream whose sound is in stereo, and after 2 s in one channel, as a broadcast's may be."""
    content = b""
    for begin_s, channels in ((0, 2), (2, 1)):
        sources = ["color=c=gray:s=64x48:r=25", "sine=frequency=440:sample_rate=48000"]
        inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
        part = path.with_name(f"{begin_s}.ts")
        command = [get_ffmpeg_exe(), "-v", "error", *inputs, "-t", "2", "-c:v", "libx264", "-preset", "ultrafast"]
        command += [
            "-g",
            "25",
            "-af",
            "volume=4",
            "-c:a",
            "aac",
            "-ac",
            str(channels),
            "-output_ts_offset",
            str(begin_s),
            str(part),
        ]
        subprocess.run(command, check=True)
        content += part.read_bytes()
    path.write_bytes(content)
    return path
