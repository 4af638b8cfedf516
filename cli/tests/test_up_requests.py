"""Whose requests by Kafka are, under `clipmill up`: the local owner's, where nobody else can be meant."""

from pathlib import Path

import pytest

from clipmill_cli.up import UpOptions, _Up
from clipmill_shared.platform_settings import PlatformSettings


def is_bound(data: Path, bootstrap: str, **settings: Path) -> bool:
    return _Up(
        PlatformSettings(data_dir=data, **settings), UpOptions(bootstrap, frozenset(), 0)
    )._takes_local_requests()


@pytest.mark.parametrize(
    ("bootstrap", "bound"),
    [
        ("127.0.0.1:9092", True),
        ("localhost:9092,127.0.0.1:9093", True),
        ("kafka.example.org:9092", False),
        ("127.0.0.1:9092,10.0.0.7:9092", False),
        ("127.example.org:9092", False),
    ],
)
def test_the_topic_is_the_local_owners_on_a_kafka_of_this_machine(tmp_path: Path, bootstrap: str, bound: bool):
    assert is_bound(tmp_path, bootstrap) is bound


def test_where_owners_have_tokens_each_request_needs_one(tmp_path: Path):
    assert not is_bound(tmp_path, "127.0.0.1:9092", auth_jwks=tmp_path / "jwks.json")


def test_who_has_bound_the_topic_has_said_to_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLIPMILL_INGEST_REQUESTS_OWNER", "alice")
    assert not is_bound(tmp_path, "127.0.0.1:9092")
