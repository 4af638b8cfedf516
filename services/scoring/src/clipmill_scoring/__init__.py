"""Chooses clips and says why."""
