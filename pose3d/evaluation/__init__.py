"""Predictions against ground truth."""
