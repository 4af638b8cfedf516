"""Adapters of packaged models, one a file."""
