"""Which of a few voices speaks when."""
