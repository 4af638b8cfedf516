"""Sees: shots, faces, motion, sharpness."""
