"""A Clipmill with several owners: who asks is proved by a token, and sees what is theirs."""

from __future__ import annotations

import datetime
import ipaddress
import json
import stat
from pathlib import Path

import pytest
from client.conftest import Running, System
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clipmill_shared.auth import SigningKey, Tokens
from clipmill_shared.rpc.server import TlsFiles

KEY = SigningKey.make()


@pytest.fixture
def alone(tmp_path: Path) -> System:
    """The command, with no server to speak to."""
    return System(tmp_path, "")


async def test_a_key_is_made_once_and_its_tokens_are_valid_also_after_the_next(alone: System, tmp_path: Path) -> None:
    made = await alone.job("token", "key")
    private, public = Path(made["key"]), Path(made["jwks"])
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    first = (await alone("token", "new", "--owner", "alice")).out.strip()
    again = await alone("token", "key", "--json")
    assert (again.code, again.events[0]["code"]) == (5, "AUTH_KEYS_EXIST")
    assert (await alone("token", "key", "--rotate")).code == 0
    second = await alone.job("token", "new", "--owner", "bob", "--days", "1")
    tokens = Tokens.of(public)
    assert (tokens.owner_of(first), tokens.owner_of(second["token"])) == ("alice", "bob")
    assert len(json.loads(public.read_text())["keys"]) == 2


@pytest.mark.parametrize(("args", "code"), [(("--owner", "../eve"), 2), (("--owner", "eve", "--key", "none.json"), 5)])
async def test_what_can_be_no_token_is_refused(alone: System, args: tuple[str, ...], code: int) -> None:
    await alone("token", "key")
    ran = await alone("token", "new", *args)
    assert (ran.code, ran.out) == (code, "")


async def test_owners_see_their_own_jobs_and_strangers_none(system: Running, video: Path) -> None:
    async with system(tokens=Tokens([KEY.public]), workers=()) as clipmill:
        alice, bob = (KEY.sign(name, 60) for name in ("alice", "bob"))
        job = await clipmill.job("submit", video, CLIPMILL_TOKEN=alice)
        assert (await clipmill.job("jobs", CLIPMILL_TOKEN=alice))["job_id"] == job["job_id"]
        assert (await clipmill("jobs", "--json", CLIPMILL_TOKEN=bob)).events == []
        theirs = await clipmill("cancel", job["job_id"], "--json", CLIPMILL_TOKEN=bob)
        assert theirs.events[0]["code"] == "JOB_NOT_FOUND"
        for token in ("", "nonsense", SigningKey.make().sign("alice", 60), KEY.sign("alice", -120)):
            ran = await clipmill("jobs", "--json", CLIPMILL_TOKEN=token)
            assert (ran.code, ran.events[0]["code"]) == (5, "UNAUTHENTICATED")
            assert not token or token not in ran.out + ran.err


def certificate(folder: Path) -> TlsFiles:
    """A certificate for 127.0.0.1 that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clipmill test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = TlsFiles(folder / "certificate.pem", folder / "key.pem")
    files.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


async def test_the_way_can_be_kept_from_others(system: Running, video: Path, tmp_path: Path) -> None:
    files = certificate(tmp_path)
    async with system(tokens=Tokens([KEY.public]), tls=files, workers=()) as clipmill:
        mine = {"CLIPMILL_TOKEN": KEY.sign("alice", 60)}
        job = await clipmill.job("submit", video, **mine, CLIPMILL_TLS_CA=str(files.certificate))
        assert job["state"] == "QUEUED"
        unknown = await clipmill("jobs", "--json", **mine, CLIPMILL_TLS="true")
        assert unknown.events[0]["code"] == "NOT_RUNNING"
