"""Recordings from any source, frame by frame: images, boxes, masks, 2D and 3D joints. Knows no crop."""
