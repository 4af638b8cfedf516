"""Hears: voice activity, words with times, loudness."""
