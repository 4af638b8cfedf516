"""The frame that every Clipmill service stands in: bus, blobs, work, storage, telemetry, configuration, errors."""
