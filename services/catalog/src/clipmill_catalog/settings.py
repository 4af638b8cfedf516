"""What can be configured of the catalog. Environment: CLIPMILL_CATALOG_<NAME>."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class CatalogSettings(BaseSettings):
    """Nothing yet: the platform says where its database and blobs are."""

    model_config = SettingsConfigDict(env_prefix="CLIPMILL_CATALOG_", frozen=True)
