"""Runs .tflite files by ai-edge-litert. It lets go of Python's lock while it infers: one instance a thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter


Network = Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]


def interpreter(path: Path) -> Interpreter:
    """The model in a file, ready to be invoked; one thread."""
    from ai_edge_litert.interpreter import Interpreter

    with _muted_stderr():
        loaded = Interpreter(str(path), num_threads=1)
        loaded.allocate_tensors()
    return loaded


def network(path: Path, outputs: int) -> Network:
    """The first `outputs` outputs of a file's only input, both batches of one."""
    model = interpreter(path)
    source = model.get_input_details()[0]["index"]
    indices = [output["index"] for output in model.get_output_details()[:outputs]]

    def run(row: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        model.set_tensor(source, row)
        model.invoke()
        return [model.get_tensor(index) for index in indices]

    return run


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
