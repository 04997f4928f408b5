"""Poses from pictures and videos."""
