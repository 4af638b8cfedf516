"""What can be configured of the catalog. Environment: CLIPMILL_CATALOG_<NAME>."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from clipmill_shared.settings import Settings


class CatalogSettings(Settings):
    """Nothing yet: the platform says where its database and blobs are."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_CATALOG_")
