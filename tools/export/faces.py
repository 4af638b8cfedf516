"""`make export`: the networks for faces and their points, TFLite in their package, as ONNX files; each compared.

The comparison is of the definitions as a whole, on pictures of a video, so that also what is done before and after is.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import av
import numpy as np

from clipmill_models import definition_of

# At most, as a share of each number, and of 1 where that is less (logits go beyond a thousand); 1.7e-4 was measured.
TOLERANCE = 1e-3
EVERY_S = 10.0


def pictures(video: Path, side: int) -> np.ndarray:
    """One each EVERY_S, squeezed to a square."""
    found, next_s = [], 0.0
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            if frame.time >= next_s:
                found.append(frame.reformat(side, side, "rgb24").to_ndarray())
                next_s += EVERY_S
    return np.stack(found)


def main() -> None:
    python, folder, video = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("faces", "face_mesh"):
        definition = definition_of(name)
        path = folder / f"{name}.onnx"
        # `find` has checked the weights' hash.
        weights = definition.card.weights[0].find()
        convert = ["-m", "tf2onnx.convert", "--opset", "17", "--tflite", str(weights), "--output", str(path)]
        done = subprocess.run([str(python), *convert], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-2000:])
        assert definition.load_from is not None
        inputs = {"image": pictures(video, definition.signature.inputs[0].shape[0])}
        wanted, found = definition.load()(inputs), definition.load_from(path)(inputs)
        difference = max(
            float((np.abs(found[key] - wanted[key]) / np.maximum(np.abs(wanted[key]), 1)).max()) for key in wanted
        )
        if not difference <= TOLERANCE:
            path.unlink()
            sys.exit(f"{path.name} answers otherwise than TFLite, by {difference:.2g}: it is not kept")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        size_mb = path.stat().st_size / 1e6
        print(f"{path}: {size_mb:.1f} MB, SHA-256 {sha256}, differs from TFLite by {difference:.1e} at most")


main()
