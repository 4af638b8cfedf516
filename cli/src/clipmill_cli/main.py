"""The clipmill command. Each subcommand's parts are imported when it runs, so that the start stays quick."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from clipmill_cli.exit_codes import of_error
from clipmill_cli.options import Options, run_options

# Commands that live in modules of their own: name -> "module:function". A module is imported when its command is named
# (or listed), so what it needs besides click it imports when it runs.
LAZY: dict[str, str] = {
    "submit": "clipmill_cli.submit:submit",
    "jobs": "clipmill_cli.jobs:jobs",
    "watch": "clipmill_cli.jobs:watch",
    "cancel": "clipmill_cli.jobs:cancel",
    "end": "clipmill_cli.jobs:end",
    "clips": "clipmill_cli.jobs:clips",
    "delete": "clipmill_cli.jobs:delete",
    "features": "clipmill_cli.features:features",
    "models": "clipmill_cli.models:models",
    "rescore": "clipmill_cli.preferences:rescore",
    "preferences": "clipmill_cli.preferences:preferences",
    "dlq": "clipmill_cli.dlq:dlq",
    "topics": "clipmill_cli.topics:topics",
    "token": "clipmill_cli.tokens:token",
    "config": "clipmill_cli.config:config",
    "migrate": "clipmill_cli.migrate:migrate",
    "kafka": "clipmill_cli.kafka.command:kafka",
    "service": "clipmill_cli.service:service",
    "status": "clipmill_cli.status:status",
    "up": "clipmill_cli.up:up",
}


class Commands(click.Group):
    """The commands of this file and those of LAZY."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *LAZY})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LAZY:
            return super().get_command(ctx, cmd_name)
        module, _, function = LAZY[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), function)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="clipmill")
def cli() -> None:
    """Turn long videos into ranked, explained, ready-to-post clips, on this machine."""


@cli.command(
    epilog="Exit codes: 0 clips made, 2 wrong usage, 3 the input is at fault, 4 no clip fits, 5 a part failed."
)
@run_options
def run(options: Options) -> None:
    """Make clips of VIDEO, a file or an http(s) address."""
    # The collector looks at every new module's objects again and again: a tenth of the time to the first line.
    gc.disable()
    from clipmill_cli import composition  # noqa: F401
    from clipmill_cli.run import run as run_job

    gc.freeze()
    gc.enable()
    sys.exit(run_job(options))


@cli.command()
@click.option("--all", "everything", is_flag=True, help="Also what `clipmill up` keeps: its jobs and clips.")
def clean(everything: bool) -> None:
    """Empty the data folder: cached results, logs, what is left of old runs."""
    from clipmill_cli.data_folder import DataFolder, size_bytes
    from clipmill_shared.errors import ClipmillError

    try:
        data = DataFolder.configured()
        freed = data.empty(everything=everything)
    except ClipmillError as error:
        click.echo(f"clipmill: {error}", err=True)
        sys.exit(of_error(error.code))
    click.echo(f"Freed {freed / 1e6:,.1f} MB in {data.path}")
    if kept := size_bytes(data.up):
        click.echo(
            f"Kept {kept / 1e6:,.1f} MB of `clipmill up`, jobs and clips; `clipmill clean --all` removes them too"
        )


def main() -> None:
    """The console script's entry point."""
    cli()


if __name__ == "__main__":
    main()
