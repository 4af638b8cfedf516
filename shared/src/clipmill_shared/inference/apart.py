"""Models in a child process: one call after the other, here or on Triton. What a part's code calls models by.

active = infer(definition, {"samples": samples})["activity"]
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from clipmill_shared.compute import Report
from clipmill_shared.errors import ClipmillError
from clipmill_shared.inference.artefacts import not_here
from clipmill_shared.inference.calls import compute, loaded
from clipmill_shared.inference.configured import Answered, Asked, Call, FellBack, Inference, Pin
from clipmill_shared.inference.definition import Definition, Infer, Signature, Tensors, definition_at, on_triton
from clipmill_shared.inference.executor import Inferred, client_missing, halved
from clipmill_shared.inference.fallback import PASSES_ON
from clipmill_shared.inference.records import call_of

P = ParamSpec("P")
R = TypeVar("R")
# A server that is away is asked this often, by each child: a try takes a tenth of a second.
ASKED_AGAIN_S = 5.0


class _Calls:
    """The calls of one request."""

    def __init__(self, inference: Inference, pins: Sequence[Pin] = ()) -> None:
        self._inference = inference
        self._pins = {pin.model: pin for pin in pins}
        self._fell_back: dict[tuple[str, str], FellBack] = {}
        self.recorded: list[Call] = []
        self.count = 0
        self.versions: dict[str, str] = {}

    @property
    def fell_back(self) -> tuple[FellBack, ...]:
        return tuple(self._fell_back.values())

    @property
    def asks_triton(self) -> bool:
        return bool(self._inference.triton)

    def infer(self, definition: Definition, inputs: Tensors) -> Tensors:
        self.count += 1
        if pin := self._pins.get(definition.name):
            inferred = self._infer_pinned(pin, definition, inputs)
        else:
            inferred = self._infer(definition, inputs)
        if self._inference.log_share and random.random() < self._inference.log_share:  # noqa: S311
            self.recorded.append(call_of(definition, inputs, inferred))
        return inferred.outputs

    def _infer_pinned(self, pin: Pin, definition: Definition, inputs: Tensors) -> Inferred:
        self.versions[pin.model] = pin.version or definition.version
        try:
            return self._infer(_pinned(pin, definition) if pin.version else definition, inputs)
        except ClipmillError as error:
            error.model = pin.model
            raise

    def _infer(self, definition: Definition, inputs: Tensors) -> Inferred:
        why = ""
        if self.asks_triton:
            try:
                return _remote(self._inference).infer(definition, inputs)
            except ClipmillError as error:
                if error.code not in PASSES_ON:
                    raise
                ran = f"The model {definition.name} ran in the part's own process."
                why = self.note(definition.name, error.code, f"{ran} {error.message}")
        computed = compute(definition, _here(definition), [inputs])
        (outcome,) = computed.outcomes
        if isinstance(outcome, ClipmillError):
            raise outcome
        rows = len(next(iter(inputs.values())))
        if computed.halved_rows:
            why = self.note(definition.name, *halved(definition, computed.halved_rows).split(": ", 1))
        return Inferred(outcome, definition.version, "in process", 0.0, computed.compute_s, rows, why)

    def check(self) -> None:
        """VERSION_NOT_HERE where a package's version is pinned and the package here is another: before any work."""
        for pin in self._pins.values():
            if pin.version and "@" not in pin.reference:
                _checked(pin)

    def note(self, model: str, code: str, message: str) -> str:
        key = model, code
        before = self._fell_back.get(key) or FellBack(*key, message, 0)
        self._fell_back[key] = replace(before, calls=before.calls + 1)
        return code


_loaded: dict[tuple[str, str], Infer] = {}
# A child does one request at a time, in one thread.
_calls = _Calls(Inference())


def infer(definition: Definition, inputs: Tensors) -> Tensors:
    """The model's outputs. ClipmillError MODEL_LOAD_FAILED, MODEL_FAILED, MODEL_OUTPUT_INVALID."""
    return _calls.infer(definition, inputs)


def fell_back(model: str, code: str, message: str) -> None:
    """Say so of a model that brings a runtime of its own, and was not answered where it should have been."""
    _calls.note(model, code, message)


def load(definition: Definition) -> None:
    """Load it here, before it is needed, unless Triton has it."""
    if not _calls.asks_triton:
        _here(definition)


def with_models(function: Callable[P, R]) -> Callable[P, R]:
    """Make of a child's function one that runs its models where the request of a `ModelChildren` says; it then gives an
    Answered. Called with a request of its own it is as before.
    """

    plain = cast(Callable[[Any, Report], R], function)

    @wraps(function)
    def call(asked: Any, report: Report) -> R | Answered:
        global _calls  # noqa: PLW0603
        if not isinstance(asked, Asked):
            return plain(asked, report)
        _calls = _Calls(asked.inference, asked.pins)
        try:
            _calls.check()
            value = plain(asked.request, report)
            return Answered(value, _calls.fell_back, tuple(_calls.recorded), _calls.count, _calls.versions)
        finally:
            _calls = _Calls(Inference())

    return cast(Callable[P, R], call)


class _Remote:
    """Triton, for a caller that is no event loop: one runs in a thread beside it."""

    def __init__(self, inference: Inference) -> None:
        try:
            from clipmill_shared.inference.triton import Triton, TritonOptions
        except ModuleNotFoundError as error:
            self._missing: ClipmillError | None = client_missing(error, "CLIPMILL_TRITON_ADDRESS")
            return
        self._missing = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="triton", daemon=True).start()
        options = TritonOptions(
            deadline_s=inference.deadline_s,
            breaker_failures=1,
            breaker_pause_s=ASKED_AGAIN_S,
            shared_from_bytes=inference.shared_from_bytes,
        )

        async def connect() -> Triton:
            return Triton(inference.triton, options)

        self._triton = asyncio.run_coroutine_threadsafe(connect(), self._loop).result()

    def infer(self, definition: Definition, inputs: Tensors) -> Inferred:
        """In as many calls as its batches are large; their times together."""
        if self._missing:
            raise self._missing
        definition = on_triton(definition)
        rows, most = len(next(iter(inputs.values()))), definition.batching.max_rows
        shares = [
            self._infer(definition, {name: array[begin : begin + most] for name, array in inputs.items()})
            for begin in range(0, rows, most)
        ]
        if len(shares) == 1:
            return shares[0]
        outputs = {name: np.concatenate([share.outputs[name] for share in shares]) for name in shares[0].outputs}
        compute_s, queue_s = sum(share.compute_s for share in shares), sum(share.queue_s for share in shares)
        return shares[0]._replace(outputs=outputs, compute_s=compute_s, queue_s=queue_s)

    def _infer(self, definition: Definition, inputs: Tensors) -> Inferred:
        return asyncio.run_coroutine_threadsafe(self._triton.infer(definition, inputs), self._loop).result()


@lru_cache(maxsize=1)
def _remote(inference: Inference) -> _Remote:
    return _Remote(inference)


def _here(definition: Definition) -> Infer:
    # By its key: a definition's own hash takes longer than all else here.
    found = _loaded.get(definition.key)
    if found is None:
        # Jobs of before and after a switch run side by side; a third version is no job's any more.
        for gone in [key for key in _loaded if key[0] == definition.name][:-1]:
            del _loaded[gone]
        found = _loaded[definition.key] = loaded(definition)
    return found


def _pinned(pin: Pin, definition: Definition) -> Definition:
    """The version in the place of the definition that the code names; it must be asked and answer alike."""
    found = _checked(pin)
    if not _alike(found.signature, definition.signature):
        raise not_here(pin.model, pin.version, "it is of another signature")
    return found


def _checked(pin: Pin) -> Definition:
    """What the pin refers to, if it is that. VERSION_NOT_HERE."""
    try:
        found = _found(pin.reference)
    except Exception as error:
        failed = not_here(pin.model, pin.version, f"{type(error).__name__}: {error}")
    else:
        if found.key == (pin.model, pin.version):
            return found
        failed = not_here(pin.model, pin.version, f"the package here has {found.name} {found.version}")
    failed.model = pin.model
    raise failed


@lru_cache(maxsize=64)
def _found(reference: str) -> Definition:
    return definition_at(reference)


def _alike(a: Signature, b: Signature) -> bool:
    return a is b or (set(a.inputs) == set(b.inputs) and set(a.outputs) == set(b.outputs))
