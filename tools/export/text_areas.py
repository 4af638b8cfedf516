"""`make export`: the network for text areas in 8 bits, a size smaller; kept only if it finds the same.

It is calibrated by the sample's pictures, each with and without lines of text, and compared on others of its pictures.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image

from clipmill_models.text_areas.definition import MODEL, load_from, prepared
from services.vision.tests.lettered import SIZES, lettered

EVERY_S = 4.0
SIDES = 512, 288
# Above it a pixel is of text, to those who ask (clipmill_vision.domain.text_areas).
PIXEL = 0.3
# Of the pixels that either has as text, at least so many both have; .909 was measured.
LEAST_ALIKE = 0.85


def pictures(video: Path, begin_s: float) -> np.ndarray:
    """One each EVERY_S, then the same with lines of text."""
    found: list[Image.Image] = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if frame.time >= begin_s + EVERY_S * len(found):
                found.append(frame.to_image().resize((1280, 720)))
    found += [lettered(picture, seed, (24, *SIZES))[0] for seed, picture in enumerate(found, round(1000 * begin_s))]
    return np.stack([np.asarray(picture.resize(SIDES)) for picture in found])


def main() -> None:
    python, folder, video = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "text_areas.onnx"
    source = MODEL.card.weights[0].find()
    with tempfile.TemporaryDirectory() as scratch:
        inputs = Path(scratch) / "inputs.npy"
        np.save(inputs, prepared(pictures(video, 0.0)))
        command = [str(python), str(Path(__file__).with_name("quantised.py")), str(source), str(inputs), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    large, small, both, either = MODEL.load(), load_from(path), 0, 0
    for picture in pictures(video, EVERY_S / 2):
        texts = [infer({"image": picture[None]})["text"] > PIXEL for infer in (large, small)]
        both += int((texts[0] & texts[1]).sum())
        either += int((texts[0] | texts[1]).sum())
    if both < LEAST_ALIKE * either:
        path.unlink()
        sys.exit(
            f"{path.name} finds other text than what it was made of, of {both / either:.2f} the same: it is not kept"
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256}, {both / either:.3f} of the text is the same")


main()
