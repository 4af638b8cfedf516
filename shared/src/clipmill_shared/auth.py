"""Whose call or event it is, proved by a signed token: a JWT of RFC 7519 with an Ed25519 signature (RFC 8037).

Who signs has the private key (`clipmill token key` makes one); services have the public keys alone, as a JWKS file of
RFC 7517, so that a service that is broken into can prove nobody. A token says `sub` (the owner), `exp` and `aud`. No
text of a token ever goes into an error.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from clipmill_shared.errors import ClipmillError

ALGORITHM = "EdDSA"
AUDIENCE = "clipmill"
# Clocks of two machines differ by so much at most.
LEEWAY_S = 30.0
MAX_TOKEN = 4096
# An owner is part of blobs' keys and of file names.
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")

Jwk = dict[str, str]


class UnauthenticatedError(ClipmillError):
    """Nobody is proved to ask."""

    def __init__(self, message: str, remedy: str = "Get a new token: `clipmill token new`.") -> None:
        super().__init__("UNAUTHENTICATED", message, remedy)


class Tokens:
    """Verifies tokens against public keys."""

    def __init__(self, keys: list[Jwk]) -> None:
        self._keys = {key["kid"]: jwt.PyJWK(key, ALGORITHM) for key in keys}

    @classmethod
    def of(cls, jwks: Path) -> Tokens:
        """The keys of a JWKS file. Error: AUTH_KEYS_UNUSABLE."""
        keys = read_jwks(jwks)
        if not keys:
            raise _unusable(jwks, "it holds no key")
        return cls(keys)

    def owner_of(self, token: str) -> str:
        """The owner that the token proves. UnauthenticatedError for any other token."""
        if len(token) > MAX_TOKEN:
            raise UnauthenticatedError("The token is too long.")
        try:
            key = self._keys[str(jwt.get_unverified_header(token).get("kid"))]
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                leeway=LEEWAY_S,
                options={"require": ["sub", "exp", "aud"]},
            )
        except KeyError:
            raise UnauthenticatedError("The token is signed with a key that is not known here.") from None
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("The token has expired.") from None
        except jwt.InvalidAudienceError:
            raise UnauthenticatedError("The token is not for Clipmill.") from None
        except jwt.InvalidTokenError:
            raise UnauthenticatedError("The token is not valid.") from None
        owner_id = str(claims["sub"])
        if not is_owner(owner_id):
            raise UnauthenticatedError("The token names no owner.")
        return owner_id


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private key; its file is for its owner's eyes alone."""

    jwk: Jwk

    @classmethod
    def make(cls) -> SigningKey:
        jwk: Jwk = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
        return cls({**jwk, "alg": ALGORITHM, "use": "sig", "kid": _thumbprint(jwk)})

    @classmethod
    def of(cls, path: Path) -> SigningKey:
        """Error: AUTH_KEYS_UNUSABLE."""
        try:
            key = cls(json.loads(path.read_text()))
            key.sign("check", 1)
        except OSError as error:
            raise _unusable(path, error.strerror or "it cannot be read") from None
        except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError):
            raise _unusable(path, "it is no private Ed25519 key as a JWK") from None
        return key

    @property
    def public(self) -> Jwk:
        return {name: value for name, value in self.jwk.items() if name != "d"}

    def sign(self, owner_id: str, lifetime_s: float) -> str:
        """A token that proves `owner_id` for so long. ValueError for what can be no owner."""
        if not is_owner(owner_id):
            raise ValueError(
                f"{owner_id[:100]!r} cannot be an owner: use 1 to 100 letters, digits or . _ @ + -, the first no sign"
            )
        now = time.time()
        claims = {
            "sub": owner_id,
            "aud": AUDIENCE,
            "iat": int(now),
            "exp": int(now + lifetime_s),
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, jwt.PyJWK(self.jwk, ALGORITHM), ALGORITHM, headers={"kid": self.jwk["kid"]})

    def save(self, path: Path) -> None:
        """Write the key to a new file that nobody else can read. FileExistsError rather than lose a key."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(self.jwk, file)


def is_owner(text: str) -> bool:
    return _OWNER.fullmatch(text) is not None


def read_jwks(path: Path) -> list[Jwk]:
    """The public keys of a JWKS file. Error: AUTH_KEYS_UNUSABLE, also for one that holds a private key."""
    try:
        keys: list[Jwk] = json.loads(path.read_text())["keys"]
        if any("d" in key for key in keys):
            raise _unusable(path, "it holds a private key, and a service needs the public one alone")
        for key in keys:
            jwt.PyJWK(key, ALGORITHM)
            _ = key["kid"]
    except OSError as error:
        raise _unusable(path, error.strerror or "it cannot be read") from None
    except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError):
        raise _unusable(path, "it is no JWKS of Ed25519 keys, each with its kid") from None
    return keys


def write_jwks(path: Path, keys: list[Jwk]) -> None:
    """The public keys whose tokens are valid; whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps({"keys": keys}, indent=2) + "\n")
    partial.replace(path)


def _unusable(path: Path, why: str) -> ClipmillError:
    return ClipmillError(
        "AUTH_KEYS_UNUSABLE", f"The keys in {path} cannot be used: {why}.", "Make some with `clipmill token key`."
    )


def _thumbprint(jwk: Jwk) -> str:
    """RFC 7638: the key names itself."""
    required = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(required.encode()).digest()).rstrip(b"=").decode()
