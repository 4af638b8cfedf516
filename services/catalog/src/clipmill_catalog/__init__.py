"""Keeps what has been made: videos, transcripts, clips."""
