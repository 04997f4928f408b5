"""The two graphs: layers, costs, updates, weights and their transfer."""
