"""From frames to 128 x 128 samples, built files and minibatches."""
