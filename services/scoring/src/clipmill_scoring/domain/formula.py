"""The score's constants. Light: the service imports them at start."""

# Change it with every change of a feature, a weight, a boundary or the selection: cached results then count no more.
FORMULA_VERSION = "13"
BASE = 50.0
# The same for who is the same speaker through a video.
DIARIZATION_VERSION = "1"
# And for who is seen, and who of them speaks.
CAST_VERSION = "1"
