"""Where text stands."""
