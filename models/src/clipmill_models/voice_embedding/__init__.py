"""Whose voice it is, as a direction."""
