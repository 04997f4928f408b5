"""Motion of the synthetic bodies: procedural gait, or motion capture in BVH."""
