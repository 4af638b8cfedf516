"""Models that scoring runs."""
