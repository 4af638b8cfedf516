"""Runs .tflite files by ai-edge-litert. It lets go of Python's lock while it infers: one instance a thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter


def interpreter(path: Path) -> Interpreter:
    """The model in a file, ready to be invoked; one thread."""
    from ai_edge_litert.interpreter import Interpreter

    with _muted_stderr():
        loaded = Interpreter(str(path), num_threads=1)
        loaded.allocate_tensors()
    return loaded


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
