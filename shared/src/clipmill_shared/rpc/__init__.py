"""gRPC: one server a process, the same limits, errors and identity for every service on it."""
