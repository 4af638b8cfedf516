"""Takes videos in, schedules the work, ends every job."""
