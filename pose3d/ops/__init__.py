"""PyTensor Ops with compiled kernels, and the mode in which graphs of them run, ``linker.NODES``."""
