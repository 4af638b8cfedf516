"""Inference: one definition of a model, run in this process or by Triton."""
