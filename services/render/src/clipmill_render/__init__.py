"""Makes the clips: crop, captions, loudness."""
