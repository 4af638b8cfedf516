"""How a part's child processes run models: in themselves, or on Triton with themselves to fall back on.

Light: services import it at their start. `apart` is the child's side, `model_children` the service's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Inference:
    """What children are told of where models run. `triton` is host:port, "" for nowhere; inputs of `shared_from_bytes`
    and more go there by shared memory, None for none; `log_share` of the calls are recorded.
    """

    triton: str = ""
    deadline_s: float = 10.0
    log_share: float = 0.0
    shared_from_bytes: int | None = None


@dataclass(frozen=True)
class Pin:
    """The version by which a model is to answer, and the `reference` where definition_at finds it. Without `version` it
    is whatever the package has.
    """

    model: str
    version: str
    reference: str


@dataclass(frozen=True)
class Asked:
    """A request, where its models run and by which versions; what crosses to the child."""

    request: object
    inference: Inference
    pins: tuple[Pin, ...] = ()


@dataclass(frozen=True)
class FellBack:
    """So many calls of a model were not answered where they should have been; `message` is the first one's."""

    model: str
    code: str
    message: str
    calls: int


@dataclass(frozen=True)
class Call:
    """What is recorded of a call; see InferenceRecord. `at_s` is seconds since 1970."""

    model: str
    version: str
    executor: str
    at_s: float
    queue_s: float
    compute_s: float
    rows: int
    batch_rows: int
    confidence: float | None
    inputs: tuple[str, ...]
    fallback: str


@dataclass(frozen=True)
class Answered:
    """What the request's function gave, and how its models fared."""

    value: object
    fell_back: tuple[FellBack, ...]
    calls: tuple[Call, ...] = ()
    # All of them, recorded or not.
    inferences: int = 0
    # Of models that were pinned and asked: which version answered.
    versions: Mapping[str, str] = field(default_factory=dict)
