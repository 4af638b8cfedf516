"""Each model as it is: its card, that it answers what its signature says, and what it answers to known input."""

from pathlib import Path

import numpy as np
import pytest

import clipmill_models
from clipmill_models import NAMES, definition_of
from clipmill_shared.inference.calls import compute, loaded
from clipmill_shared.inference.checks import check_outputs, rows_of
from clipmill_shared.inference.definition import Weights, WeightsDamagedError

HERE = Path(clipmill_models.__file__).parent


def answer(name: str, **inputs: np.ndarray):
    definition = definition_of(name)
    (outcome,) = compute(definition, loaded(definition), [inputs]).outcomes
    assert not isinstance(outcome, Exception), outcome
    return outcome


def test_every_folder_is_a_model():
    assert sorted(NAMES) == sorted(path.parent.name for path in HERE.glob("*/definition.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_answers_its_own_example(name):
    definition = definition_of(name)
    assert definition.name == name
    example = definition.example()
    assert rows_of(definition, example) == 1
    check_outputs(definition, loaded(definition)(example), 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_whose_and_what_it_is(name):
    card = definition_of(name).card
    assert card.licence
    assert card.source.startswith("https://")
    assert set(card.measured) == {"quality", "speed"}
    for weights in card.weights:
        assert weights.find().stat().st_size > 1000


@pytest.mark.parametrize(
    ("change", "says"), [({"sha256": "0" * 64}, "should be 000000000000"), ({"path": "x"}, "no file")]
)
def test_other_weights_than_the_cards_are_refused(change, says):
    weights = definition_of("faces").card.weights[0]
    changed = {"package": weights.package, "path": weights.path, "sha256": weights.sha256, **change}
    with pytest.raises(WeightsDamagedError, match=says):
        Weights(**changed).find()


def test_rows_do_not_touch_each_other():
    random = np.random.default_rng(7)
    for name, side in (("faces", 256), ("face_mesh", 192)):
        images = random.integers(0, 256, (3, side, side, 3), np.uint8)
        together = answer(name, image=images)
        for row in range(3):
            alone = answer(name, image=images[row : row + 1])
            for output, values in alone.items():
                np.testing.assert_array_equal(values[0], together[output][row])


def test_nothing_is_no_face():
    assert answer("faces", image=np.zeros((1, 256, 256, 3), np.uint8))["scores"].max() < 0
    assert answer("face_mesh", image=np.zeros((1, 192, 192, 3), np.uint8))["presence"].item() <= 0


def test_sentences_that_mean_the_same_are_near():
    texts = [b"The cat sleeps on the sofa.", b"On the couch a cat is sleeping.", b"Interest rates rose again in May."]
    rows = answer("sentences", text=np.array(texts, object)[:, None])["embedding"]
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[0] @ rows[1] > 0.7 > 0.4 > rows[0] @ rows[2]


def test_silence_is_no_speech_and_a_sound_begins_anew():
    model = loaded(definition_of("voice_activity"))
    noise = np.random.default_rng(3).normal(0, 0.3, (1, 16_000)).astype(np.float32)
    silence = np.zeros((1, 16_100), np.float32)
    before = model({"samples": silence})["probabilities"]
    model({"samples": noise})
    after = model({"samples": silence})["probabilities"]
    assert before.shape == (1, 31)
    assert before.max() < 0.2
    np.testing.assert_array_equal(before, after)


def test_text_areas_take_a_file_of_another_size_and_pictures_of_any():
    model = definition_of("text_areas")
    by_file = model.load_from(model.card.weights[0].find())
    image = np.zeros((1, 70, 130, 3), np.uint8)
    image[:, 20:40, 10:120:4] = 255
    wanted = answer("text_areas", image=image)["text"]
    assert wanted.shape == (1, 70, 130)
    np.testing.assert_allclose(by_file({"image": image})["text"], wanted, atol=1e-6)
