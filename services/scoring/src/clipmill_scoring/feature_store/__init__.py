"""The feature store: what was measured of clips, kept as Parquet and at hand. docs/features.md says how to use it."""
