"""The shape rule of one layer as integer arithmetic, apart from the maths."""

POOL = 2


def conv_side(side, kernel):
    """Side of a valid convolution's output: ``side - kernel + 1``."""
    return side - kernel + 1


def pooled_side(side, kernel):
    """Side, px, after a valid convolution and a 2 x 2 max-pool; a partial window is dropped.

    ValueError if not one pooling window fits.
    """
    pooled = conv_side(side, kernel) // POOL
    if pooled < 1:
        raise ValueError(
            f"a side of {side} is too small for a {kernel} x {kernel} filter and a {POOL} x {POOL} pool: "
            f"at least {kernel + POOL - 1} is needed"
        )
    return pooled
