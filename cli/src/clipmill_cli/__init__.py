"""The clipmill command."""
