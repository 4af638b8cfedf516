"""What the service cannot do as it is configured is said when it starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from registry_world import RegistryWorld

from clipmill_shared.errors import ClipmillError


async def test_a_triton_without_its_client_is_an_error_at_the_start_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules, "clipmill_registry.on_triton", raising=False)
    monkeypatch.setitem(sys.modules, "tritonclient.grpc", None)
    with pytest.raises(ClipmillError) as caught:
        async with RegistryWorld.running(tmp_path, triton_addresses=("127.0.0.1:8001",)):
            pass
    assert caught.value.code == "TRITON_CLIENT_MISSING"
    assert "requirements/triton-client.txt" in caught.value.remedy
    assert "CLIPMILL_MODELS_TRITON_ADDRESSES" in caught.value.remedy
