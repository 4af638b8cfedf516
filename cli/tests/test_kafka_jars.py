"""Kafka's jars: those of the list, whether they come from jgo or from a bundle."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest

from clipmill_cli.kafka import jars
from clipmill_cli.kafka.jars import BUNDLE_VARIABLE, MARKER, kafka_jars, pinned, write_bundle
from clipmill_shared.errors import ClipmillError

CONTENT = {"kafka-1.jar": b"kafka", "slf4j-2.jar": b"log"}


@pytest.fixture
def fetched(tmp_path, monkeypatch) -> list[Path]:
    """What jgo would fetch, and the list that fits it."""
    folder = tmp_path / "cache"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    pins = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    monkeypatch.setattr(jars, "pinned", lambda: pins)
    found = sorted(folder.iterdir())
    monkeypatch.setattr(jars, "_of_jgo", lambda: found)
    monkeypatch.delenv(BUNDLE_VARIABLE, raising=False)
    return found


def test_the_list_names_kafka_and_a_logger_by_sha256():
    assert "kafka_2.13-4.1.0.jar" in pinned()
    assert {len(digest) for digest in pinned().values()} == {64}


def test_jars_that_are_on_the_list_are_used(fetched, tmp_path):
    assert kafka_jars(tmp_path / "unpacked") == fetched


def test_a_jar_that_is_another_one_is_refused(fetched, tmp_path):
    fetched[0].write_bytes(b"evil")
    with pytest.raises(ClipmillError, match=r"kafka-1\.jar") as raised:
        kafka_jars(tmp_path / "unpacked")
    assert raised.value.code == "KAFKA_JAR_CHANGED"


def test_a_jar_that_is_on_no_list_is_refused(fetched, tmp_path):
    fetched.append(tmp_path / "stranger.jar")
    fetched[-1].write_bytes(b"?")
    with pytest.raises(ClipmillError, match="stranger") as raised:
        kafka_jars(tmp_path / "unpacked")
    assert raised.value.code == "KAFKA_JAR_CHANGED"


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_a_bundle_stands_in_for_the_network(fetched, tmp_path, monkeypatch, name):
    bundle = write_bundle(tmp_path / "out" / name)

    def no_network() -> list[Path]:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(jars, "_of_jgo", no_network)
    monkeypatch.setenv(BUNDLE_VARIABLE, str(bundle))
    found = kafka_jars(tmp_path / "unpacked")
    assert {jar.name: jar.read_bytes() for jar in found} == CONTENT


def test_a_bundle_says_what_it_was_made_of(fetched, tmp_path):
    assert "kafka_2.13-4.1.0.jar" in (write_bundle(tmp_path / "bundle") / MARKER).read_text()
    with tarfile.open(write_bundle(tmp_path / "bundle.tar")) as tar:
        assert tar.getnames() == [MARKER, *CONTENT]


@pytest.mark.parametrize("kind", ["absent", "folder without jars", "not a tar"])
def test_a_bundle_that_is_none_is_named(fetched, tmp_path, monkeypatch, kind):
    place = tmp_path / "bundle.tar"
    if kind == "folder without jars":
        place.mkdir()
    elif kind == "not a tar":
        place.write_bytes(b"nonsense")
    monkeypatch.setenv(BUNDLE_VARIABLE, str(place))
    with pytest.raises(ClipmillError) as raised:
        kafka_jars(tmp_path / "unpacked")
    assert raised.value.code == "KAFKA_JARS_MISSING"
    assert BUNDLE_VARIABLE in raised.value.remedy
