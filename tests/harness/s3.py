"""An S3 of the tests: moto's server, which speaks the real protocol, as a child process."""

from __future__ import annotations

import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from harness.server import Server, accepts

from clipmill_shared.compute.tied import tied


class S3:
    """A running S3. Its `environment` is what an operator sets, by the names that obstore knows."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @staticmethod
    def environment(port: int) -> dict[str, str]:
        """Credentials, and the address: its own port, or that of a proxy before it."""
        return {
            "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def bucket(self) -> str:
        """A new bucket's name."""
        name = f"bucket-{uuid4().hex[:12]}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.port}/{name}", method="PUT")
        with urllib.request.urlopen(request):
            return name


@contextmanager
def s3() -> Iterator[S3]:
    """Run an S3 for as long as the context lasts; what it holds is in its memory."""
    with tempfile.TemporaryDirectory(prefix="clipmill-s3-") as name:

        def command(port: int) -> list[str]:
            return tied([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)])

        server = Server(Path(name), command, accepts)
        try:
            server.start()
            yield S3(server)
        finally:
            server.stop()
