"""Predict poses from pictures and videos."""
