"""Who can reach an address."""

from __future__ import annotations

import ipaddress


def is_loopback(address: str) -> bool:
    """True when only this machine can reach `address`."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
