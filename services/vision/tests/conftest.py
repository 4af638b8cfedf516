from hypothesis import settings

# The same examples on every run, however slow the machine.
settings.register_profile("vision", deadline=None, derandomize=True)
settings.load_profile("vision")
