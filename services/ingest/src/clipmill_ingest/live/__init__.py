"""Live sources: recorded in a child process into parts that are heard and seen while more comes."""
