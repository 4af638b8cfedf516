"""Versions of models: registered, checked, promoted, rolled back, asked."""
