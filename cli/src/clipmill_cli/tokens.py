"""`clipmill token`: keys, and the tokens that prove who an owner is."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import NoReturn

import click

from clipmill_cli import exit_codes
from clipmill_cli.remote import lines_option
from clipmill_cli.say import say_error
from clipmill_shared.errors import ClipmillError
from clipmill_shared.platform_settings import PlatformSettings

DAY_S = 86_400.0
KEY, JWKS = "key.json", "jwks.json"


@click.group()
def token() -> None:
    """Make the keys and tokens by which a Clipmill with several owners knows them."""


@token.command(epilog="Exit codes: 0 made, 5 there is one already, or it cannot be written.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help=f"Where {KEY} and {JWKS} go.  [default: auth in the data folder]",
)
@click.option("--rotate", is_flag=True, help="Sign with a new key from now on; tokens of the former stay valid.")
@lines_option
def key(folder: Path | None, rotate: bool, as_json: bool) -> None:
    """Make a pair of keys: the private one signs tokens, services get the public ones."""
    from clipmill_shared.auth import SigningKey, read_jwks, write_jwks

    folder = folder or _folder()
    private, public = folder / KEY, folder / JWKS
    made = SigningKey.make()
    try:
        if private.exists() and not rotate:
            raise ClipmillError(
                "AUTH_KEYS_EXIST", f"There is a key already: {private}.", "Say --rotate to sign with a new one."
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        former = read_jwks(public) if public.exists() else []
        # The public key first: a token must never be signed with a key that nobody can know.
        write_jwks(public, [*former, made.public])
        new = private.with_name(f".{KEY}.new")
        new.unlink(missing_ok=True)
        made.save(new)
        new.replace(private)
    except OSError as error:
        _fail(
            as_json, ClipmillError("AUTH_KEYS_UNUSABLE", f"{folder} cannot be written: {error}.", "Name another --dir.")
        )
    except ClipmillError as error:
        _fail(as_json, error)
    if as_json:
        click.echo(json.dumps({"key": str(private), "jwks": str(public), "kid": made.jwk["kid"]}))
    else:
        click.echo(
            f"{private} signs tokens: keep it to yourself.\n{public} is for the services: CLIPMILL_AUTH_JWKS={public}"
        )


@token.command(epilog="Exit codes: 0 made, 2 that can be no owner, 5 there is no key.")
@click.option("--owner", required=True, metavar="NAME", help="Whose calls and requests the token proves.")
@click.option("--days", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True, help="It is valid.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"The private key.  [default: auth/{KEY} in the data folder]",
)
@lines_option
def new(owner: str, days: float, key_file: Path | None, as_json: bool) -> None:
    """Print a token for an owner. Commands take it from CLIPMILL_TOKEN."""
    from clipmill_shared.auth import SigningKey

    try:
        signed = SigningKey.of(key_file or _folder() / KEY).sign(owner, days * DAY_S)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--owner") from None
    except ClipmillError as error:
        _fail(as_json, error)
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * DAY_S))
    click.echo(json.dumps({"token": signed, "owner": owner, "valid_until": until}) if as_json else signed)


def _folder() -> Path:
    return PlatformSettings().data_dir / "auth"


def _fail(as_json: bool, error: ClipmillError) -> NoReturn:
    say_error(as_json, error.code, error.message, error.remedy)
    sys.exit(exit_codes.of_error(error.code))
