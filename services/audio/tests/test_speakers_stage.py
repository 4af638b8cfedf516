"""Telling voices apart, as the stage does it: only where it was asked for, and kept under a key of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clipmill_audio.exchange import Part
from clipmill_audio.handlers import stage_work

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, AudioTask, LocalVoice
from clipmill_shared.blobs import Blobs
from clipmill_shared.compute import Report

from .test_stage import ENGINES, FakeChildren, silent, task


class HearsOneVoice(FakeChildren):
    async def run(self, request: object, report: Report = lambda _: None) -> object:
        heard = await super().run(request, report)
        assert isinstance(request, Part)
        if request.voices:
            heard.analysis.voices.append(LocalVoice(embedding=[1.0]))
        return replace(heard)


async def asked(tmp_path: Path, blobs: Blobs, voices: bool) -> AudioTask:
    plain = await task(blobs, tmp_path, "en")
    plain.voices = voices
    return plain


async def test_voices_are_told_apart_where_that_was_asked_for(tmp_path: Path) -> None:
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    work = stage_work(HearsOneVoice(["hello"], []), blobs, ENGINES).work
    for voices in (False, True):
        result = await work(await asked(tmp_path, blobs, voices), silent)
        analysis = await blobs.get_message(result.analysis, AudioAnalysis)
        assert len(analysis.voices) == voices
        assert [model.name for model in result.answer.models if model.task == "speakers"] == (
            ["pyannote-community-1"] if voices else []
        )


async def test_only_a_task_that_asks_for_it_hangs_on_the_version_of_telling_voices_apart(tmp_path: Path) -> None:
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    key_of = stage_work(HearsOneVoice([], []), blobs, ENGINES).content_key
    assert key_of is not None
    without, with_voices = [await key_of(await asked(tmp_path, blobs, voices), silent) for voices in (False, True)]
    assert "speakers" not in without
    assert "onnxruntime=" in with_voices
