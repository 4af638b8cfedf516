"""A token proves its owner, and nothing else does."""

from __future__ import annotations

import json
import pickle
import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill_shared.auth import SigningKey, Tokens, UnauthenticatedError, is_owner, read_jwks, write_jwks
from clipmill_shared.errors import ClipmillError
from clipmill_shared.rpc.auth import by_token

KEY = SigningKey.make()
TOKENS = Tokens([KEY.public])


def signed(key: SigningKey = KEY, algorithm: str = "EdDSA", **claims: Any) -> str:
    """A token with other claims than ours; None lets one out."""
    whole = {"sub": "alice", "aud": "clipmill", "exp": time.time() + 86_400} | claims
    kept = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(kept, jwt.PyJWK(key.jwk, algorithm), algorithm, headers={"kid": key.jwk["kid"]})


def test_a_token_proves_its_owner() -> None:
    assert TOKENS.owner_of(KEY.sign("alice@example.org", 60)) == "alice@example.org"


def test_keys_can_be_changed_while_old_tokens_are_still_valid() -> None:
    new = SigningKey.make()
    both = Tokens([KEY.public, new.public])
    assert both.owner_of(KEY.sign("alice", 60)) == both.owner_of(new.sign("alice", 60)) == "alice"


def not_by_its_key() -> str:
    """Says the known key's id, and is signed with another."""
    other = SigningKey({**SigningKey.make().jwk, "kid": KEY.jwk["kid"]})
    return signed(other)


def by_public_key_as_secret() -> str:
    """The confusion of algorithms: an HMAC whose secret is what everybody may know."""
    secret = KEY.public["x"]
    return jwt.encode({"sub": "alice", "aud": "clipmill", "exp": time.time() + 60}, secret * 2, "HS256", headers={"kid": KEY.jwk["kid"]})  # fmt: skip # noqa: E501


def unsigned() -> str:
    return jwt.encode({"sub": "alice", "aud": "clipmill", "exp": time.time() + 60}, None, "none", headers={"kid": KEY.jwk["kid"]})  # fmt: skip # noqa: E501


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (signed(exp=time.time() - 60), "expired"),
        (signed(exp=None), "not valid"),
        (signed(sub=None), "not valid"),
        (signed(aud=None), "not valid"),
        (signed(aud="elsewhere"), "not for Clipmill"),
        (signed(sub="../eve"), "names no owner"),
        (signed(sub="-"), "names no owner"),
        (signed(SigningKey.make()), "key that is not known"),
        (not_by_its_key(), "not valid"),
        (by_public_key_as_secret(), "not valid"),
        (unsigned(), "not valid"),
        (KEY.sign("alice", 86_400)[:-4], "not valid"),
        ("", "not valid"),
        ("a.b.c", "not valid"),
        ("x" * 5000, "too long"),
    ],
)
def test_nothing_else_proves_anybody_and_no_error_repeats_it(token: str, why: str) -> None:
    with pytest.raises(UnauthenticatedError, match=why) as error:
        TOKENS.owner_of(token)
    assert not token or token not in str(error.value)


@given(st.text(max_size=120))
def test_an_owner_is_a_name_that_may_be_part_of_a_path(text: str) -> None:
    if is_owner(text):
        assert text.isascii() and "/" not in text and not text.startswith((".", "-"))
        assert TOKENS.owner_of(KEY.sign(text, 60)) == text
    else:
        with pytest.raises(ValueError, match="cannot be an owner"):
            KEY.sign(text, 60)


def test_a_private_key_is_for_its_owner_alone_and_never_lost(tmp_path: Path) -> None:
    KEY.save(tmp_path / "key.json")
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
    assert SigningKey.of(tmp_path / "key.json") == KEY
    with pytest.raises(FileExistsError):
        SigningKey.make().save(tmp_path / "key.json")
    assert KEY.jwk["d"] not in repr(KEY)


def test_services_know_public_keys_only(tmp_path: Path) -> None:
    write_jwks(tmp_path / "jwks.json", [KEY.public])
    assert "d" not in read_jwks(tmp_path / "jwks.json")[0]
    assert Tokens.of(tmp_path / "jwks.json").owner_of(KEY.sign("alice", 60)) == "alice"


RSA = {"kty": "RSA", "kid": "1", "n": "AQAB", "e": "AQAB"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": [1]}',
        json.dumps({"keys": [KEY.jwk]}),
        json.dumps({"keys": [RSA]}),
        None,
    ],
)
def test_keys_that_cannot_be_used_are_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "jwks.json").write_text(text)
    with pytest.raises(ClipmillError, match=r"jwks\.json") as error:
        Tokens.of(tmp_path / "jwks.json")
    assert error.value.code == "AUTH_KEYS_UNUSABLE"
    assert KEY.jwk["d"] not in str(error.value)
    with pytest.raises(ClipmillError):
        SigningKey.of(tmp_path / "jwks.json")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_call_brings_its_token_in_the_metadata(scheme: str) -> None:
    authenticate = by_token(TOKENS)
    assert authenticate((("authorization", f"{scheme} {KEY.sign('alice', 60)}"),)) == "alice"


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Basic YTpi"),),
        (("authorization", KEY.sign("alice", 60)),),
        (("authorization", b"Bearer x"),),
        (("authorization", f"Bearer {KEY.sign('eve', 60)}"), ("authorization", f"Bearer {KEY.sign('alice', 60)}")),
    ],
)
def test_a_call_without_one_token_is_nobodys(metadata: Any) -> None:
    with pytest.raises(ClipmillError) as error:
        by_token(TOKENS)(metadata)
    assert error.value.code == "UNAUTHENTICATED"


def test_an_error_keeps_what_it_says_between_processes() -> None:
    error = ClipmillError("QUEUE_FULL", "Full.", "Wait.", retryable=True, retry_after_s=7.0)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.retryable, again.retry_after_s) == ("Full. Wait.", "QUEUE_FULL", True, 7.0)
    assert pickle.loads(pickle.dumps(UnauthenticatedError("Who?"))).code == "UNAUTHENTICATED"
