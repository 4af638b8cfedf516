"""Whisper runs on a GPU where there is one; where that fails it goes on without it, and each answer says so.

The libraries are stand-ins with the same few names: no package carries Whisper's weights, and no GPU is here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from clipmill_audio.models.whisper import Whisper

from clipmill_shared.inference.apart import with_models
from clipmill_shared.inference.configured import Answered, Asked, Inference

SOUND = np.zeros(16_000, np.float32)


class Libraries:
    """faster_whisper and ctranslate2 with so many GPUs; `fails` is when the GPU does, and what it says then."""

    def __init__(self, gpus: int, fails: str = "", says: str = "Library libcublas.so.12 is not found") -> None:
        self.gpus, self.fails, self.says = gpus, fails, says
        self.devices: list[str] = []

    def modules(self) -> dict[str, ModuleType]:
        libraries = self

        class WhisperModel:
            def __init__(self, folder: str, device: str, compute_type: str, cpu_threads: int) -> None:
                libraries.devices.append(device)
                self._fails = libraries.fails if device == "cuda" else ""
                self._fail("loading")

            def _fail(self, when: str) -> None:
                if self._fails == when:
                    raise RuntimeError(libraries.says)

            def transcribe(self, samples: object, **_: object) -> tuple[object, None]:
                def segments() -> object:
                    self._fail("hearing")
                    yield SimpleNamespace(words=[SimpleNamespace(word=" hello", start=0.1, end=0.5, probability=0.9)])

                return segments(), None

            def detect_language(self, samples: object) -> tuple[str, float, list[object]]:
                self._fail("hearing")
                return "de", 0.75, []

        whisper, translate = ModuleType("faster_whisper"), ModuleType("ctranslate2")
        whisper.WhisperModel = WhisperModel
        translate.get_cuda_device_count = lambda: self.gpus
        return {"faster_whisper": whisper, "ctranslate2": translate}


@with_models
def heard(_request: object, _report: object) -> tuple[list[str], tuple[str, float]]:
    model = Whisper(Path("weights"), best=False)
    return [word.text for word in model.hear(SOUND, "de")], model.language(SOUND)


def asked(monkeypatch: pytest.MonkeyPatch, libraries: Libraries) -> Answered:
    for name, module in libraries.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    answered = heard(Asked(None, Inference()), lambda _: None)
    assert isinstance(answered, Answered)
    assert answered.value == (["hello"], ("de", 0.75))
    return answered


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (1, "cuda")])
def test_it_runs_on_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, gpus: int, device: str):
    libraries = Libraries(gpus)
    assert asked(monkeypatch, libraries).fell_back == ()
    assert libraries.devices == [device]


@pytest.mark.parametrize("when", ["loading", "hearing"])
def test_a_gpu_that_fails_is_left_and_each_answer_says_so(monkeypatch: pytest.MonkeyPatch, when: str):
    libraries = Libraries(1, when)
    (note,) = asked(monkeypatch, libraries).fell_back
    assert (note.model, note.code, note.calls) == ("whisper", "GPU_FAILED", 2)
    assert "libcublas.so.12" in note.message
    assert libraries.devices == ["cuda", "cpu"]


def test_what_fails_without_a_gpu_is_an_error(monkeypatch: pytest.MonkeyPatch):
    libraries = Libraries(0)
    modules = libraries.modules()
    modules["faster_whisper"].WhisperModel = lambda *_, **__: (_ for _ in ()).throw(RuntimeError("no such weights"))
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(RuntimeError, match="no such weights"):
        heard(Asked(None, Inference()), lambda _: None)
