"""The rules of hearing, pure: no files, no models, no clock."""
