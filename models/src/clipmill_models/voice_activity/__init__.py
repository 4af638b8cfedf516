"""When somebody speaks."""
