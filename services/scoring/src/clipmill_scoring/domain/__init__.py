"""What the service knows. Pure: no I/O, no bus, no gRPC, no SQL, no clock."""
