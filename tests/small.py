"""Settings of a network as small as can be with no two layers alike; all tests share its compiled kernels."""

SMALL = ("network.kernels=[2,3,4]", "network.dense=[20,30]")
