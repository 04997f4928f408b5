import numpy as np
import pytest

from pose3d.inference import person_search, segmentation
from pose3d.inference.person_search import PersonSearch
from tests.inference.drawn import draw_person, meadow


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize(
    ("size", "place"),
    [((300, 400), (150, 150, 110)), ((400, 700), (600, 300, 36)), ((900, 500), (250, 600, 240))],
)
def test_a_person_is_found_wherever_they_stand(size, place):
    rgb = meadow(*size)
    where = draw_person(rgb, *place)
    mask, people = PersonSearch()(rgb)
    assert people == 1
    assert mask.shape == size
    assert overlap(mask, where) > 0.85


def test_of_several_people_the_largest_is_taken_unless_a_box_holds_another():
    rgb = meadow(450, 650)
    small, large = draw_person(rgb, 150, 150, 125), draw_person(rgb, 450, 270, 165)
    mask, people = PersonSearch()(rgb)
    assert people == 2
    assert overlap(mask, large) > 0.85
    mask, people = PersonSearch()(rgb, (70, 10, 230, 290))
    assert people == 1
    assert overlap(mask, small) > 0.85


@pytest.mark.parametrize("size", [(240, 180), (1, 1), (3, 900)])
def test_where_nobody_is_the_mask_is_empty(size):
    mask, people = PersonSearch()(meadow(*size))
    assert not mask.any()
    assert mask.shape == size
    assert people == 0


def test_a_video_is_searched_where_the_person_was(monkeypatch):
    frames, people = [], segmentation.people
    calls = []
    monkeypatch.setattr(segmentation, "people", lambda rgb: calls.append(1) or people(rgb))
    for x in (150, 160, 400):
        frames.append(meadow(300, 500))
        draw_person(frames[-1], x, 150, 100)
    search, counts = PersonSearch(follow=True), []
    for x, rgb in zip((150, 160, 400), frames, strict=True):
        mask, _ = search(rgb)
        counts.append(len(calls))
        assert abs(np.flatnonzero(mask.any(axis=0)).mean() - x) < 5
    first, second, third = np.diff([0, *counts])
    assert second == 2 * len(person_search.PASSES) < first
    assert third > second  # lost, and found again
    assert PersonSearch(follow=True)(meadow(300, 500))[1] == 0
