"""Files that a request refers to: sent before it, so that it can name them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clipmill.client import Client
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1 import jobs_pb2 as jobs
from clipmill_cli.options import Options
from clipmill_shared.errors import ClipmillError

KINDS: Mapping[str, jobs.AssetKind.ValueType] = {
    "logo": jobs.ASSET_KIND_LOGO,
    "intro": jobs.ASSET_KIND_CARD,
    "outro": jobs.ASSET_KIND_CARD,
    "music": jobs.ASSET_KIND_MUSIC,
}


async def request_of(client: Client, options: Options) -> ClipOptions:
    """The request of a command line, its brand's files and its music sent.

    ClipmillError INPUT_NOT_FOUND, INPUT_UNREADABLE; ClipmillRpcError where a file cannot be used.
    """
    request = options.request()
    if options.brand is not None:
        request.finish.brand.CopyFrom(options.brand.brand)
        brand, files = request.finish.brand, options.brand.files
        if "logo" in files:
            brand.logo.picture.CopyFrom(await _sent(client, files["logo"], "logo"))
        for role, card in (("intro", brand.intro), ("outro", brand.outro)):
            if role in files:
                card.file.CopyFrom(await _sent(client, files[role], role))
    if options.music is not None:
        music = request.finish.music
        music.sound.CopyFrom(await _sent(client, options.music, "music"))
        if options.music_below_lu:
            music.below_lu = options.music_below_lu
    return request


async def _sent(client: Client, path: Path, role: str) -> BlobRef:
    if not path.is_file():
        raise ClipmillError("INPUT_NOT_FOUND", f"{path} does not exist.", f"It is to be the {role}: check the name.")
    try:
        return await client.upload_asset(path, KINDS[role])
    except OSError as error:
        raise ClipmillError(
            "INPUT_UNREADABLE", f"{path} cannot be read: {error.strerror}.", "Check its permissions."
        ) from None
