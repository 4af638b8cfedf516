"""What a model is, in one place for every executor: its signature, how it is loaded, what it was made of.

Light on purpose (numpy and the standard library): Triton's Python processes import it too, in an environment of theirs.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# By tensor name; the first dimension of each counts rows, and all have as many.
Tensors = Mapping[str, NDArray[Any]]
Infer = Callable[[Tensors], Tensors]
Dtype = Literal["UINT8", "INT64", "FP32", "BYTES"]

# Triton's names. BYTES are texts in UTF-8: an array of bytes objects.
NUMPY: Mapping[Dtype, np.dtype[Any]] = {
    "UINT8": np.dtype(np.uint8),
    "INT64": np.dtype(np.int64),
    "FP32": np.dtype(np.float32),
    "BYTES": np.dtype(object),
}


@dataclass(frozen=True)
class Tensor:
    """One input or output. `shape` is of one row; -1 where any length will do."""

    name: str
    dtype: Dtype
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class Batching:
    """How requests are gathered. What waits for a busy model is always taken together; `max_delay_s` more is waited
    for others while the model is idle, which pays only where callers are many and rows in a batch cost less.
    """

    max_rows: int = 1
    max_delay_s: float = 0.0
    # Rows that wait; a request beyond is refused.
    max_waiting: int = 1024


@dataclass(frozen=True)
class Placement:
    """Where it runs in process: threads where its runtime releases Python's lock, else processes.

    At most `instances` are loaded, the second only when the first is busy; each takes about `memory_bytes`.
    """

    runs_in: Literal["threads", "processes"] = "threads"
    instances: int = 1
    memory_bytes: int = 64 << 20


@dataclass(frozen=True)
class Weights:
    """A file of a package, pinned by its content; or the `size_bytes` bytes that a library exports as `symbol`."""

    package: str
    path: str
    sha256: str
    symbol: str = ""
    size_bytes: int = 0

    def find(self) -> Path:
        """Where the file is. WeightsDamagedError when it is not there, or another."""
        self.read()
        return self._path

    def read(self) -> bytes:
        """The weights. WeightsDamagedError as `find`."""
        content = (self._exported() if self.symbol else self._path.read_bytes()) if self._path.is_file() else None
        found = "no file" if content is None else hashlib.sha256(content).hexdigest()
        if content is None or found != self.sha256:
            raise WeightsDamagedError(f"{self.path} of {self.package} should be {self.sha256[:12]} and is {found[:12]}")
        return content

    @property
    def _path(self) -> Path:
        path = Path(str(distribution(self.package).locate_file(self.path)))
        return path.with_suffix(".dylib") if self.symbol and sys.platform == "darwin" else path

    def _exported(self) -> bytes:
        try:
            return bytes((ctypes.c_ubyte * self.size_bytes).in_dll(ctypes.CDLL(str(self._path)), self.symbol))
        except (OSError, ValueError):
            return b""


class WeightsDamagedError(Exception):
    """A file of weights is not what its definition says."""


@dataclass(frozen=True)
class Card:
    """What people should know of a model before they use it: `model.toml` beside its definition."""

    task: str
    title: str
    licence: str
    source: str
    weights: tuple[Weights, ...]
    # What it was measured at, in words: quality, then speed, with the material.
    measured: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Card:
        table = tomllib.loads(path.read_text("utf-8"))
        weights = tuple(Weights(**row) for row in table.pop("weights"))
        return cls(weights=weights, **table)


@dataclass(frozen=True)
class Definition:
    """A model. Two with the same name and version are the same.

    `load` reads the weights and gives the function that infers; it is called in the thread or process that will infer,
    and what it gives is called by one thread at a time. `example` makes inputs of one row that any version of the model
    must be able to answer: readiness is asked with them. `reference` is where another process finds it, "module:NAME".
    `load_from` does what `load` does with the weights of another version, in a file; None where there can be none.
    """

    name: str
    version: str
    signature: Signature
    reference: str
    load: Callable[[], Infer] = field(compare=False)
    example: Callable[[], Tensors] = field(compare=False)
    card: Card = field(compare=False)
    batching: Batching = Batching()
    placement: Placement = Placement()
    # The same row comes again and again, and looking an answer up costs less than it: a server may keep answers.
    is_kept: bool = False
    load_from: Callable[[Path], Infer] | None = field(default=None, compare=False)
    # Of a model of named features: which of them an answer by the weights in a file rests on.
    features_from: Callable[[Path, Tensors], Sequence[str]] | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.version

    def features_used(self, inputs: Tensors) -> Sequence[str]:
        """What of `inputs` an answer rests on: features by name, or the inputs. May read the weights."""
        path = self.reference.partition("@")[2]
        if path and self.features_from is not None:
            return self.features_from(Path(path), inputs)
        return tuple(tensor.name for tensor in self.signature.inputs)


def on_triton(definition: Definition) -> Definition:
    """The definition by the name that Triton has for it: a registered version's model is its own."""
    if "@" not in definition.reference:
        return definition
    return replace(definition, name=f"{definition.name}--{definition.version}")


def definition_at(reference: str) -> Definition:
    """The definition that "module:NAME" means, or "module:NAME@.../model/version/file" with the weights in that file.

    There NAME is a Definition with `load_from`, or a function that makes one of the file. LookupError for all else.
    """
    place, _, path = reference.partition("@")
    module, _, name = place.partition(":")
    found = getattr(import_module(module), name, None)
    if path and isinstance(found, Definition) and found.load_from is not None:
        file = Path(path)
        return replace(found, version=file.parent.name, reference=reference, load=partial(found.load_from, file))
    if path and callable(found):
        found = found(Path(path))
    elif path:
        raise LookupError(f"{place} takes no weights of other versions")
    if not isinstance(found, Definition):
        raise LookupError(f"{place} is no definition of a model")  # noqa: TRY004 - nothing of that name is there
    return found
