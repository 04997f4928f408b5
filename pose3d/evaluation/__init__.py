"""Evaluate predictions against ground truth."""
