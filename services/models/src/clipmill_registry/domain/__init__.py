"""What the registry knows. Pure."""
