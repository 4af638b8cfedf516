"""The packaged models, one adapter a file. Each is loaded by its constructor and used from one thread."""
