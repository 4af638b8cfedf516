"""`clipmill config`: is the configuration right, and what is it?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar

import click

from clipmill_cli.exit_codes import ExitCode
from clipmill_shared import settings
from clipmill_shared.settings import InvalidSettingError

Command = TypeVar("Command", bound=Callable[..., object])


def set_option(command: Command) -> Command:
    """The option --set of every command that takes settings by flag. Such flags can be seen by others: no secrets."""

    def take(_context: click.Context, _parameter: click.Parameter, assignments: tuple[str, ...]) -> None:
        try:
            settings.use_flags(assignments)
        except InvalidSettingError as error:
            raise click.BadParameter(str(error)) from None

    option = click.option(
        "--set", metavar="NAME=VALUE", multiple=True, callback=take, expose_value=False,
        help="A setting, as in docs/configuration.md; may be repeated.",
    )  # fmt: skip
    return option(command)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.group()
def config() -> None:
    """Check or show the configuration: flags, environment, and the file that CLIPMILL_CONFIG names."""


@config.command(epilog="Exit codes: 0 all is right, 2 something is wrong.")
@set_option
@json_option
def check(as_json: bool) -> None:
    """Name every setting that is wrong, where it comes from, and what would be right."""
    from clipmill_cli import all_settings

    problems = all_settings.problems()
    if as_json:
        named = [{"name": p.name, "code": p.code, "message": p.message, "remedy": p.remedy} for p in problems]
        click.echo(json.dumps({"valid": not problems, "problems": named}))
    else:
        for problem in problems:
            click.echo(f"clipmill: {problem}", err=True)
        if not problems:
            changed = [setting for setting in all_settings.effective() if setting.source != "the default"]
            click.echo(f"The configuration is right; {len(changed)} settings are not at their default.")
    sys.exit(ExitCode.WRONG_USAGE if problems else 0)


@config.command()
@set_option
@json_option
def show(as_json: bool) -> None:
    """What every setting is, and where that comes from; secrets are hidden."""
    from clipmill_cli import all_settings

    try:
        shown = all_settings.effective()
    except InvalidSettingError as error:
        click.echo(f"clipmill: {error}", err=True)
        sys.exit(ExitCode.WRONG_USAGE)
    if as_json:
        click.echo(json.dumps([asdict(setting) for setting in shown]))
        return
    width = max(len(setting.name) for setting in shown)
    for setting in shown:
        click.echo(f"{setting.name:<{width}} = {setting.value}  ({setting.source})")
