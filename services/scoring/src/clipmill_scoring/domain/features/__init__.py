"""What is measured of a candidate: a definition each, a family a file, computed for all candidates at once.

A value is NaN where it cannot be known (no words, no sound, no picture): such a feature is absent from the result.
"""
