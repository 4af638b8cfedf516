"""Others' features come by an entry point and a line of YAML; what is wrong with them is named, and stops nobody."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from clipmill_scoring.domain.choose import choose_among
from clipmill_scoring.domain.features.registry import BY_NAME
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.feature_store.configured import configured, source
from clipmill_scoring.feature_store.offline import Offline
from clipmill_scoring.feature_store.online import MemoryOnline
from clipmill_scoring.feature_store.store import FeatureStore
from clipmill_scoring.tabled import message_of
from scoring_talks import embed, talk
from scoring_world import LINES, ScoringWorld

from clipmill.clips.v1.clips_pb2 import ScoringTask
from clipmill.scoring.v1 import scoring_pb2 as pb
from clipmill_shared.errors import ClipmillError

CODE = """
import os, time
import numpy as np
from clipmill_scoring.domain.features.definition import Feature
from clipmill_scoring.domain.pipeline import Transform

def feature(name, inputs, measure, unit="share", high=1.0):
    return Transform(Feature(name, "ours", unit, 3, 0.0, high, name, owner="tiny"), inputs, measure)

def twice(columns):
    return 2 * next(iter(columns.values()))

def gappy(columns):
    made = columns["questions"] * 0
    made[0] = np.nan
    return made

def raises(columns):
    raise ZeroDivisionError("no pauses")

def dies(columns):
    os._exit(3)

def hangs(columns):
    time.sleep(600)

eager = feature("eager", {"questions": "per 100 words"}, twice, "per 100 words", 1e9)
eagerer = feature("eagerer", {"eager": "per 100 words"}, twice, "per 100 words", 1e9)
gaps = feature("gaps", {"questions": "per 100 words"}, gappy)
broken = feature("broken", {"questions": "per 100 words"}, raises)
short = feature("short", {"questions": "per 100 words"}, lambda columns: columns["questions"][:1])
dying = feature("dying", {}, dies)
hanging = feature("hanging", {}, hangs)
wrong_unit = feature("wrong_unit", {"energy": "share"}, twice)
unknown = feature("unknown", {"charm": "share"}, twice)
one = feature("one", {"other": "share"}, twice)
other = feature("other", {"one": "share"}, twice)
hook = feature("hook", {}, twice)
nothing = 7
"""
NAMES = [line.partition(" = ")[0] for line in CODE.splitlines() if " = feature(" in line or line == "nothing = 7"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that is installed: its module and its metadata are on the path, of child processes too."""
    site = tmp_path / "site"
    (site / "tiny-1.0.dist-info").mkdir(parents=True)
    (site / "tiny_features.py").write_text(CODE)
    (site / "tiny-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    points = "\n".join(f"{name} = tiny_features:{name}" for name in NAMES)
    (site / "tiny-1.0.dist-info" / "entry_points.txt").write_text(
        f"[clipmill.features]\n{points}\nlost = tiny_features:lost\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", "")))))
    yield
    sys.modules.pop("tiny_features", None)


def written(folder: Path, transforms: str, features: str = "all") -> Path:
    path = folder / "features.yaml"
    path.write_text(
        f"entities:\n  clip: {{features: {features}, ttl_d: 2, online: true}}\ntransforms: [{transforms}]\n"
    )
    return path


def letters(folder: Path) -> list[tuple[str, str, int]]:
    return duckdb.sql(
        f"SELECT feature, reason, count(*) FROM '{folder}/features/dead_letters/*/*/*.parquet' GROUP BY ALL"
    ).fetchall()


async def features_of(world: ScoringWorld, clip_id: str) -> dict[str, pb.KnownFeature]:
    answer = await world.stub.GetFeatures(pb.GetFeaturesRequest(entity="clip", clips=[pb.ClipAt(clip_id=clip_id)]))
    return {feature.name: feature for feature in answer.clips[0].features}


def world_with(tmp_path: Path, transforms: str) -> object:
    url, file = (tmp_path / "features").as_uri(), written(tmp_path, transforms)
    return ScoringWorld.running(tmp_path, features_url=url, features_file=file)


@pytest.mark.usefixtures("package")
async def test_what_others_make_is_kept_like_the_rest_and_of_each_other(tmp_path: Path) -> None:
    async with world_with(tmp_path, "eagerer, eager") as world:
        clips = await world.scored()
        found = max(
            [await features_of(world, clip.head.clip_id) for clip in clips], key=lambda each: each["questions"].value
        )

    questions = found["questions"].value
    assert questions > 0
    assert (found["eager"].value, found["eagerer"].value) == (2 * questions, 4 * questions)
    assert (found["eager"].unit, found["eager"].version) == ("per 100 words", 3)


@pytest.mark.usefixtures("package")
async def test_what_fails_is_a_dead_letter_with_its_reason_and_the_rest_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with world_with(tmp_path, "eager, gaps, broken, short") as world:
        (clip, *_) = await world.scored()
        found = await features_of(world, clip.head.clip_id)

    told = {feature: (reason, count) for feature, reason, count in letters(tmp_path)}
    assert set(told) == {"gaps", "broken", "short"}
    assert told["gaps"] == ("TRANSFORM_GAVE_NAN", 1)
    assert told["broken"][0] == "TRANSFORM_RAISED: ZeroDivisionError: no pauses"
    assert told["short"][0].endswith("it gave an array of shape (1,)") and told["short"][1] > 3
    assert found["eager"].status == pb.KnownFeature.STATUS_KNOWN
    assert found["broken"].status == pb.KnownFeature.STATUS_MISSING
    log = "".join(capfd.readouterr())
    assert "values of a feature are dead letters" in log and "no pauses" in log


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(("name", "reason"), [("dying", "TRANSFORM_CRASHED"), ("hanging", "TRANSFORM_TOO_SLOW")])
async def test_a_transform_that_ends_its_process_or_never_ends_stops_nobody(
    tmp_path: Path, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipmill_scoring.feature_store.store.WRITE_S", 1.5)
    async with world_with(tmp_path, name) as world:
        (clip, *_) = await world.scored()
        found = await features_of(world, clip.head.clip_id)

    assert {(feature, told.partition(":")[0]) for feature, told, _ in letters(tmp_path)} == {(name, reason)}
    assert found["questions"].status == pb.KnownFeature.STATUS_KNOWN


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(("name", "there"), [("eager", {"eager"}), ("dying", set()), ("hanging", set())])
async def test_what_is_measured_again_is_without_a_transform_that_fails(
    tmp_path: Path, name: str, there: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipmill_scoring.feature_store.store.WRITE_S", 1.5)
    offline = Offline((tmp_path / "features").as_uri(), tmp_path)
    features = FeatureStore(source(written(tmp_path, name)), offline, MemoryOnline(), keep_d=1)
    table = message_of(choose_among("v", talk(*LINES), Ask(3, 2, 8), embed)[1].table, ScoringTask(clips=3))
    try:
        columns = await features.measured_again(table.SerializeToString())
    finally:
        await features.close()

    assert set(columns) - set(BY_NAME) == there
    assert len(columns) > 20


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("transforms", "code", "what"),
    [
        ("unknown", "FEATURE_UNKNOWN", "The transform unknown names a feature charm"),
        ("wrong_unit", "FEATURE_UNIT", "takes energy in share; it is measured in dB"),
        ("one, other", "FEATURE_CYCLE", "made of each other: (one <- other <- one|other <- one <- other)"),
        ("hook", "FEATURE_TWICE", "more than one feature hook"),
        ("missing", "FEATURE_TRANSFORM", "No installed package has an entry point missing"),
        ("lost", "FEATURE_TRANSFORM", "lost cannot be loaded: AttributeError"),
        ("nothing", "FEATURE_TRANSFORM", "tiny_features:nothing is no .*Transform"),
    ],
)
def test_what_cannot_be_is_named_at_the_start(tmp_path: Path, transforms: str, code: str, what: str) -> None:
    with pytest.raises(ClipmillError, match=what) as raised:
        configured(source(written(tmp_path, transforms)))

    assert raised.value.code == code


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ("entities: {clip: {features: [charm], ttl_d: 1}}", "FEATURE_UNKNOWN", "The entity clip names a feature charm"),
        ("entities: {clip: {features: [{name: energy, unit: share}], ttl_d: 1}}", "FEATURE_UNIT", "energy in share"),
        ("entities: {shot: {features: all, ttl_d: 1}}", "FEATURES_FILE", "there is no entity shot"),
        ("entities: {clip: {features: all, ttl_d: 0}}", "FEATURES_FILE", "entities.clip.ttl_d"),
        ("entities: {clip: {features: all, ttl_d: 1, ttl: 2}}", "FEATURES_FILE", "entities.clip.ttl: Extra"),
        ("entities: [", "FEATURES_FILE", "expected the node content"),
        ("", "FEATURES_FILE", "valid dictionary"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, code: str, what: str) -> None:
    (tmp_path / "f.yaml").write_text(text)

    with pytest.raises(ClipmillError, match=what) as raised:
        configured(source(tmp_path / "f.yaml"))

    assert raised.value.code == code


def test_features_have_times_to_live_of_their_own(tmp_path: Path) -> None:
    pipeline = configured(source(written(tmp_path, "", "[hook, {name: energy, unit: dB, ttl_d: 0.5}]")))

    assert pipeline.entities["clip"].ttl_s == {"hook": 2 * 86_400, "energy": 43_200}


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ClipmillError, match="cannot be read"):
        source(tmp_path / "none.yaml")


def test_the_documented_transform_and_file_are_right(tmp_path: Path, package: None) -> None:
    text = (Path(__file__).parents[3] / "docs" / "features.md").read_text("utf-8")
    code = re.search(r"```python\n(from clipmill_scoring.*?)```", text, re.DOTALL)
    file = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert code and file
    (tmp_path / "site" / "tiny_features.py").write_text(code[1])
    (tmp_path / "f.yaml").write_text(file[1])
    (tmp_path / "site" / "tiny-1.0.dist-info" / "entry_points.txt").write_text(
        "[clipmill.features]\npace = tiny_features:pace\n"
    )

    pipeline = configured(source(tmp_path / "f.yaml"))

    columns = {"speech_rate": np.array([3.0, np.nan]), "pause_share": np.array([0.5, 0.0])}
    found, letters = pipeline.applied(columns, BY_NAME)
    assert found["pace"].tolist()[0] == 1.5 and np.isnan(found["pace"][1]) and not letters
    assert pipeline.entities["clip"].ttl_s["energy"] == 7 * 86_400
