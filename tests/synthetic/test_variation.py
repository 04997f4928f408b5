import dataclasses

import numpy as np
import pytest

from pose3d.synthetic.variation import KINDS, appearance
from pose3d.synthetic.walker_bodies import BODIES

BODY = BODIES["S5"]
BONES = {"stature", "leg", "trunk", "arm", "hips", "shoulders", "girth"}
CLOTHES = {
    "hair",
    "shirt",
    "accent",
    "trousers",
    "shoes",
    "pattern",
    "long_sleeves",
    "bare_arms",
    "bare_legs",
}


def drawn(*kinds, seeds=range(20)):
    return [appearance(BODY, kinds, np.random.default_rng(seed)) for seed in seeds]


def changed(found):
    """The fields of the body that differ from the subject's own in any of the draws."""
    names = [field.name for field in dataclasses.fields(BODY)]
    return {name for name in names for each in found if getattr(each.body, name) != getattr(BODY, name)}


def test_without_a_kind_every_take_looks_the_same():
    assert all(each.body == BODY and set(each.lamps) == {1} and each.mask_noise == 1 for each in drawn())


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("clothes", CLOTHES),
        ("girth", {"girth", "belly"}),
        ("bodies", BONES),
        ("light", set()),
        ("masks", set()),
    ],
)
def test_a_kind_changes_its_own_and_nothing_else(kind, fields):
    found = drawn(kind)
    assert changed(found) == fields
    assert (len({each.lamps for each in found}) == 20) == (kind == "light")
    assert (len({each.mask_noise for each in found}) == 20) == (kind == "masks")


def test_one_more_kind_changes_nothing_of_the_others():
    assert drawn("light")[3].lamps == drawn(*KINDS)[3].lamps
    assert drawn("clothes")[3].body.shirt == drawn(*KINDS)[3].body.shirt


def test_colours_are_colours():
    for each in drawn("clothes", seeds=range(200)):
        for colour in (each.body.shirt, each.body.accent, each.body.trousers, each.body.shoes):
            assert all(0 < channel <= 1 for channel in colour)
