"""clips.json: the result as a program reads it. `docs/clips.schema.json` is generated from these types."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRecord(Record):
    """The video that the clips are of."""

    name: str
    path: str | None = Field(None, description="Absolute path; absent for an address.")
    url: str | None = None
    sha256: str
    size_bytes: int
    duration_s: float
    width: int = Field(description="Pixels as shown: after rotation and pixel aspect.")
    height: int
    fps: float
    video_codec: str
    audio_codec: str | None = Field(None, description="Absent when the source has no sound.")


class ModelRecord(Record):
    """A model that answered, with its version."""

    task: str
    name: str
    version: str
    reason: str = Field("", description="Why this one, where there was a choice.")


class WarningRecord(Record):
    """Something to know of a result that was still made."""

    code: str
    message: str
    part: str


class ShortageRecord(Record):
    """Why there are fewer clips than asked for, and the option that would change it."""

    code: str
    message: str
    remedy: str


class FeatureRecord(Record):
    """What a feature measured, and the points that it added to the score."""

    name: str
    unit: str
    version: int
    value: float
    added: float


class SubScoresRecord(Record):
    """Parts of the score, 0 to 100, 50 where all is as usual; absent where nothing of the part is known."""

    hook: float | None = Field(None, ge=0, le=100, description="Does it catch?")
    flow: float | None = Field(None, ge=0, le=100, description="Does it carry?")
    value: float | None = Field(None, ge=0, le=100, description="Does it give?")


class WordRecord(Record):
    """A word; times in seconds on the source's clock."""

    text: str
    start_s: float
    end_s: float
    timing: Literal["aligned", "interpolated", "unknown"]
    speaker: int | None = Field(None, ge=1, description="As in turns; absent where that is not known.")


class TurnRecord(Record):
    """Somebody speaks; times in seconds on the source's clock. Two turns overlap where two speak at once."""

    speaker: int = Field(ge=1, description="The same through the source, counted from who is heard first.")
    start_s: float
    end_s: float
    confidence: float = Field(ge=0, le=1, description="The silhouette of the voice among the speakers.")


class SpeaksRecord(Record):
    """Somebody who is seen speaks; times in seconds on the source's clock."""

    start_s: float
    end_s: float
    confidence: float = Field(ge=0, le=1)


class PersonRecord(Record):
    """Somebody whose face is seen in the clip."""

    person: int = Field(ge=1, description="The same through the source, counted from who is seen first.")
    share: float = Field(ge=0, le=1, description="Of the clip's time, in the picture.")
    speaker: int | None = Field(
        None, ge=1, description="As in turns; absent where voices were not told apart, or voice and face do not agree."
    )
    speaker_confidence: float | None = Field(None, ge=0, le=1, description="How far voice and face agree.")
    speaks: tuple[SpeaksRecord, ...] = Field((), description="When they are seen to speak.")


class EventRecord(Record):
    """What is heard beside the words; times in seconds on the source's clock."""

    kind: Literal["silence", "music"]
    start_s: float
    end_s: float
    confidence: float | None = Field(None, ge=0, le=1, description="The detector's; absent where it is a measurement.")


class LayoutRecord(Record):
    """How a shot fills the frame; times in seconds of the clip, an intro not counted."""

    start_s: float
    end_s: float
    layout: Literal["fill", "fit", "split", "screen_and_face", "three", "four"]
    reason: str


class ShotTextRecord(Record):
    """What a shot shows, as a vision-language model says it; times in seconds on the source's clock."""

    start_s: float
    end_s: float
    text: str


class RangeRecord(Record):
    """A part of the source, in seconds on its clock."""

    start_s: float
    end_s: float


class BrandedRecord(Record):
    """What of its brand, and of music, a clip has; times in seconds of its file."""

    starts_s: float = Field(description="The clip proper begins here: all before is the intro.")
    ends_s: float = Field(description="All after is the outro.")
    logo: str | None = Field(None, description="The corner in which the logo stands for longest; absent without one.")
    music: bool


class StandingRecord(Record):
    """How a clip stands among all passages of the source that could have been clips; they overlap."""

    percent: float = Field(ge=0, le=100, description="So many of a hundred score less; rounded down, to the tenth.")
    passages: int

    @property
    def words(self) -> str:
        return f"above {int(self.percent)} % of {self.passages:,} passages"


class ClipRecord(Record):
    """One clip; times in seconds on the source's clock; score = base + the sum of what the features added."""

    rank: int
    clip_id: str
    title: str
    reason: str
    score: float = Field(ge=0, le=100)
    base: float
    features: tuple[FeatureRecord, ...]
    sub_scores: SubScoresRecord = SubScoresRecord()
    standing: StandingRecord | None = Field(None, description="Absent where there are too few to say.")
    keywords: tuple[str, ...] = Field((), description="What it is about, against the rest of the video.")
    hashtags: tuple[str, ...] = ()
    start_s: float
    end_s: float
    pieces: tuple[RangeRecord, ...] = Field(
        (), description="The ranges that it joins, where there are two; start_s and end_s reach over both."
    )
    duration_s: float
    video: str = Field(description="File name beside clips.json.")
    subtitles: str | None = Field(None, description="File name; absent when nothing is said.")
    files: tuple[str, ...] = Field((), description="Names of the other files: WebVTT, ASS, exports.")
    left_out: tuple[LeftOutRecord, ...] = Field((), description="Fillers and pauses that were cut.")
    thumbnail: str
    width: int
    height: int
    loudness_lufs: float | None = Field(None, description="Integrated, EBU R128; absent without sound.")
    text: str
    words: tuple[WordRecord, ...]
    turns: tuple[TurnRecord, ...] = Field((), description="Who speaks; empty where voices were not told apart.")
    people: tuple[PersonRecord, ...] = Field((), description="Who is seen, the longest first; no small faces.")
    described: tuple[ShotTextRecord, ...] = Field(
        (), description="What its shots show; empty where no model was asked."
    )
    events: tuple[EventRecord, ...] = Field((), description="Music and silence, cut to the clip.")
    layouts: tuple[LayoutRecord, ...] = Field((), description="Of each shot, in order.")
    branded: BrandedRecord | None = Field(None, description="Its brand's cards and logo, and music; absent without.")
    warnings: tuple[WarningRecord, ...]


class LeftOutRecord(Record):
    """A stretch of the source inside the clip that is not in it, in seconds on the source's clock."""

    start_s: float
    end_s: float
    what: str = Field(description='A filler as it was said, or "pause".')


class BrandRecord(Record):
    """The brand that was given: its name, and its files by their SHA-256."""

    name: str
    logo: str | None = None
    intro: str | None = None
    outro: str | None = None


class OptionsRecord(Record):
    """What was asked for, with the defaults of what was not said."""

    clips: int
    min_s: float
    max_s: float
    aspect: str
    layout: str = Field("fill", description="How the picture fills it: auto (by shot), fill, fit or split.")
    language: str
    captions: str
    caption_style: str | None = Field(None, description="The look of captions; absent where none was named yet.")
    mask_profanity: Literal["text", "sound"] | None = Field(None, description="Where coarse words are masked.")
    exports: tuple[str, ...] = Field((), description="Edits of the source beside the clips: otio, edl, fcpxml.")
    brand: BrandRecord | None = Field(None, description="Absent without one.")
    music: str | None = Field(None, description="The SHA-256 of the music; absent without.")
    music_below_lu: float | None = Field(None, description="So far under speech.")
    cut_fillers: bool = Field(False, description="Whether fillers were cut.")
    cut_pauses_s: float | None = Field(None, description="Longer pauses were shortened; absent where none were.")
    profile: str
    speakers: str = Field("off", description="Who speaks when: off, find, or how many speakers there are said to be.")
    platform: str | None = Field(None, description="Where they are to be posted; absent for nowhere in particular.")
    about: str | None = Field(None, description="What the clips were to be about; absent for anything.")
    genre: str | None = Field(None, description="What kind of video it was said to be; absent for none.")
    ranges: tuple[RangeRecord, ...] = Field((), description="Where they were to be taken from; anywhere when empty.")


class SharedRecord(Record):
    """What was not analysed anew, because an earlier video holds the same."""

    part: Literal["audio", "vision"]
    parts: int = Field(description="So many pieces of the video.")
    video_id: str
    name: str = Field(description="The earlier video's.")
    offset_s: float = Field(description="A moment of this video less the same moment of that one.")
    saved_s: float = Field(description="Seconds of work that these pieces took then.")

    @property
    def sentence(self) -> str:
        what = "What is heard" if self.part == "audio" else "What is seen"
        where = "later" if self.offset_s < 0 else "earlier"
        when = f"{abs(self.offset_s):.2f} s {where}" if abs(self.offset_s) >= 0.005 else "at the same time"
        return f"{what} was known from {self.name}, where it comes {when}."


class ResultRecord(Record):
    """The whole file."""

    schema_version: Literal[1] = 1
    clipmill_version: str
    job_id: str
    source: SourceRecord
    options: OptionsRecord
    language: str | None = Field(None, description="Of the transcript; absent when nothing is said.")
    models: tuple[ModelRecord, ...]
    cached: bool = Field(description="True when every step was answered from the cache.")
    shared: tuple[SharedRecord, ...] = Field((), description="What is an earlier video's analysis, moved in time.")
    clips: tuple[ClipRecord, ...]
    shortages: tuple[ShortageRecord, ...]
    warnings: tuple[WarningRecord, ...]
