"""The models that Clipmill runs: a folder each, with its definition, its card and its Triton configuration."""

from __future__ import annotations

from clipmill_shared.inference.definition import Definition, definition_at

# In the order of a job. Every folder here; a test checks.
NAMES = (
    "voice_activity",
    "transcription",
    "voice_turns",
    "voice_embedding",
    "faces",
    "face_mesh",
    "face_looks",
    "text_areas",
    "sentences",
)


def definition_of(name: str) -> Definition:
    """The definition of a model of NAMES. Imports what describes it, not what runs it: that `load` does."""
    return definition_at(reference_of(name))


def reference_of(name: str) -> str:
    """Where a model's definition is found."""
    return f"clipmill_models.{name}.definition:MODEL"
