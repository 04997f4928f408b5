import numpy as np

from pose3d.synthetic.mask_errors import spoil


def person(size=256):
    mask = np.zeros((size, size), bool)
    mask[size // 8 : -size // 8, 3 * size // 8 : 5 * size // 8] = True
    return mask


def overlap(one, two):
    return (one & two).sum() / (one | two).sum()


def test_without_strength_and_furniture_the_silhouette_stays():
    rng = np.random.default_rng(0)
    assert min(overlap(person(), spoil(person(), rng, 0, 0)) for _ in range(10)) > 0.97


def test_masks_are_as_imperfect_as_asked_for():
    shares = []
    for strength in (0.3, 0.7, 1.1):
        rng = np.random.default_rng(1)
        shares.append(np.mean([overlap(person(), spoil(person(), rng, strength, 0)) for _ in range(40)]))
    assert 0.995 > shares[0] > shares[1] > shares[2] > 0.8


def test_furniture_is_added_and_feet_are_lost():
    rng, true = np.random.default_rng(2), person()
    added = [(spoil(true, rng, 0.3, 3.0) & ~true).sum() for _ in range(30)]
    rng = np.random.default_rng(2)
    plain = [(spoil(true, rng, 0.3, 0.0) & ~true).sum() for _ in range(30)]
    assert np.mean(added) > 2 * np.mean(plain)
    rng = np.random.default_rng(3)
    foot = np.zeros_like(true)
    foot[-256 // 8 - 12 : -256 // 8] = True
    kept = [(spoil(true, rng, 1.0, 0.0) & true & foot).sum() / (true & foot).sum() for _ in range(200)]
    assert 0.03 < np.mean(np.array(kept) < 0.75) < 0.3


def test_noise_stays_at_the_person():
    rng = np.random.default_rng(4)
    for _ in range(20):
        spoilt = spoil(person(), rng, 1.0, 0.0)
        assert not spoilt[:8].any()
        assert not spoilt[:, :40].any()


def test_a_tiny_silhouette_is_never_lost():
    tiny = np.zeros((64, 64), bool)
    tiny[30:33, 30:32] = True
    rng = np.random.default_rng(5)
    assert all(spoil(tiny, rng, 1.1, 0).any() for _ in range(50))
