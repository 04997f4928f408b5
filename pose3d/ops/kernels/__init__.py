"""The compiled kernels of the convolution layer."""
