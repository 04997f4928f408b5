"""How a synthetic body moves: procedural gait, or motion capture in BVH."""
