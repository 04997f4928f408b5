"""Procedural walkers, written as a raw Human3.6M tree. No licence is attached to what it makes."""
