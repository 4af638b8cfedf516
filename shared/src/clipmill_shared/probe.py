"""Is the process ready? `python -m clipmill_shared.probe [HOST:PORT]`: a container's health check.

Asks /readyz at CLIPMILL_HTTP_ADDRESS, or at the address given; exit code 0 when it is, 1 with the reason when not.
Nothing but the standard library is imported: it runs every few seconds beside the work.
"""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_S = 4.0


def main() -> int:
    address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CLIPMILL_HTTP_ADDRESS", "")
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        print(f"clipmill: no address to ask: {address!r}. Set CLIPMILL_HTTP_ADDRESS.", file=sys.stderr)
        return 1
    # Who serves on every address is reached on the nearest.
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1", "": "127.0.0.1"}.get(host, host).strip("[]")  # noqa: S104
    try:
        connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        text = answer.read(1000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"clipmill: nothing answers at {address}: {error}", file=sys.stderr)
        return 1
    print(text)
    return 0 if answer.status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())
