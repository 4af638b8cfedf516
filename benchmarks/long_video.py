"""Long input for benchmarks: the sample talk, repeated, at 720p25; made once and kept beside the sample."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv" / "sample"


def long_video(minutes: int) -> Path:
    """The path of a video of about `minutes` minutes."""
    path = FOLDER / f"sample-{minutes}min.mp4"
    if not path.exists():
        python = ROOT / ".venv-sample" / "bin" / "python"
        command = [python, ROOT / "tools" / "sample" / "make_sample.py", "--minutes", minutes, FOLDER]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return path
