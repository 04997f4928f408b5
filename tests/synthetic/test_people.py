from dataclasses import replace

import numpy as np
import pytest

from pose3d import build_dataset
from pose3d.dataset.samples import Dataset
from pose3d.dataset.verify import verify_built
from pose3d.errors import UserError
from pose3d.recordings.human36m import SUBJECTS
from pose3d.recordings.observation import share_inside
from pose3d.skeleton import PELVIS
from pose3d.synthetic import people
from pose3d.synthetic.body import population
from pose3d.synthetic.clothes import PARTS, Wardrobe
from pose3d.synthetic.pose_families import FAMILIES

BLOCK = people.People("S1", "Discussion", 1, 6, 0)


def observations(block, every=1):
    with block.open(every) as reader:
        return list(reader)


@pytest.fixture(scope="module")
def seen():
    return {name: observations(people.People("S5", name, 1, 4, 1)) for name in FAMILIES}


WHOLE = [name for name in FAMILIES if not FAMILIES[name].cut_off]


@pytest.mark.parametrize("family", WHOLE)
def test_the_joints_lie_on_the_person(family, seen):
    for one in seen[family]:
        assert one.frame.shape == one.mask.shape == (people.SIDE, people.SIDE)
        column, row = np.rint(one.joints_2d).astype(int).T
        assert (np.minimum(column, row) >= 0).all()
        assert (np.maximum(column, row) < people.SIDE).all()
        assert share_inside(one.mask, one.joints_2d, 0.025) > 0.8  # masks lose feet


def test_the_whole_person_fills_the_square(seen):
    for one in (one for ones in seen.values() for one in ones):
        rows, columns = np.nonzero(one.mask)
        longer = max(np.ptp(rows), np.ptp(columns)) / people.SIDE
        assert 0.7 < longer <= 1


def test_of_people_who_are_cut_off_a_straight_edge_is_seen_and_joints_are_lost():
    lost, straight = [], 0
    for one in observations(people.People("S5", "CutOff", 1, 80, 1)):
        inside = ((one.joints_2d >= 0) & (one.joints_2d < people.SIDE)).all(axis=1)
        column, row = np.rint(one.joints_2d[inside]).astype(int).T
        near = [
            one.mask[max(0, r - 6) : r + 7, max(0, c - 6) : c + 7].any()
            for r, c in zip(row, column, strict=True)
        ]
        lost.append(17 - sum(near))
        rows = np.flatnonzero(one.mask.any(axis=1))
        straight += one.mask[rows[-1] - 4].sum() > 25  # a trunk or thighs end there, not feet
    assert np.mean(lost) > 2
    assert min(lost) == 0  # a hand or a foot may be all that is lost
    assert straight > 16


def test_the_joints_are_those_of_a_camera_before_the_person(seen):
    for one in (one for ones in seen.values() for one in ones):
        assert (one.pose[:, 2] > 1000).all()
        # x / z and y / z are the pixels but for a shift and one scale: the camera has square pixels.
        flat = one.pose[:, :2] / one.pose[:, 2:]
        scale = _scale(flat, one.joints_2d)
        assert scale.min() > 0
        assert scale.max() / scale.min() < 1 + 1e-6


def _scale(flat, pixels):
    flat, pixels = flat - flat.mean(axis=0), pixels - pixels.mean(axis=0)
    return (flat * pixels).sum(axis=0) / (flat**2).sum(axis=0)


def test_every_observation_is_of_another_person(seen):
    ones = [one for ones in seen.values() for one in ones]
    poses = np.stack([one.pose - one.pose[PELVIS] for one in ones])
    assert len(np.unique(poses.round(3), axis=0)) == len(ones)
    brightness = [one.frame.image[one.mask].mean() for one in ones]
    assert np.std(brightness) > 15


def test_the_same_seed_gives_the_same_observations():
    for one, two in zip(observations(BLOCK), observations(BLOCK), strict=True):
        np.testing.assert_array_equal(one.frame.image, two.frame.image)
        np.testing.assert_array_equal(one.mask, two.mask)
        np.testing.assert_array_equal(one.pose, two.pose)
    for other in ({"seed": 1}, {"take": 2}, {"subject": "S9"}):
        assert not np.array_equal(observations(replace(BLOCK, **other))[0].pose, observations(BLOCK)[0].pose)


def test_every_nth_observation_is_one_of_all():
    some, all_of_them = observations(BLOCK, 3), observations(BLOCK)
    assert [one.number for one in some] == [0, 3]
    np.testing.assert_array_equal(some[1].frame.image, all_of_them[3].frame.image)


def test_no_body_is_in_two_groups():
    count = len(population())
    groups = [people._group(count, subject) for subject in SUBJECTS]
    together = np.concatenate(groups)
    assert sorted(together) == list(range(count))
    assert min(map(len, groups)) >= 20


def test_the_blocks_add_up_to_the_frames_and_none_depends_on_the_others():
    blocks = people.find_people(60_000, 3)
    assert sum(block.count for block in blocks) == pytest.approx(60_000, rel=0.002)
    assert {block.subject for block in blocks} == set(SUBJECTS)
    assert {block.action for block in blocks} == set(FAMILIES)
    assert max(block.count for block in blocks) == people.BLOCK
    part = people.find_people(60_000, 3, ["S9"], ["Lying"])
    assert part == [block for block in blocks if (block.subject, block.action) == ("S9", "Lying")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "--frames 0 --seed 1: give 1 to"),
        ((10, -1), "seed of at least 0"),
        ((10**9, 0), "give 1 to 4000000 frames"),
        ((10, 0, ["S2"]), "no people 'S2'; choose from S1"),
        ((10, 0, None, ["Running"]), "no people 'Running'; choose from Directions"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(arguments, message):
    with pytest.raises(UserError, match=message):
        people.find_people(*arguments)


def test_clothes_are_worn_where_they_belong():
    body = population().average
    wardrobe, grays, skirts = Wardrobe(body), [], 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        one = population().body(seed)
        clothes = wardrobe.dress(one, rng)
        assert clothes.albedo.shape == clothes.offsets.shape == (len(body.vertices),)
        assert 0.015 <= clothes.albedo.min() <= clothes.albedo.max() <= 1
        worn = clothes.offsets[: body.n_body_vertices]
        face = body.on(PARTS["head"])[: body.n_body_vertices]
        assert worn[~face].min() >= 0
        assert worn[face].min() > -10  # its features are softened
        assert not (clothes.skirt and not one.is_female)
        skirts += clothes.skirt
        grays.append(clothes.albedo)
    assert skirts > 0
    assert np.stack(grays).std(axis=0).min() > 0.05  # no part of the body is always alike
    assert not wardrobe.dress(one, np.random.default_rng(0), may_wear_skirt=False).skirt


def test_a_bright_head_is_a_face_more_often_than_a_nape():
    """Front and back are told by it on photographs of people who are far away."""
    body, wardrobe = population().average, Wardrobe(population().average)
    head, (x, _, z) = body.on(["Head"]), body.vertices.T
    mouth, eyes = body.landmarks["mouth"], body.landmarks["eyes"]
    level = head & (z > mouth[2] - 20) & (z < eyes[2] + 30)
    face, nape = level & (x > eyes[0] - 25), level & (x < eyes[0] - 120)
    contrasts = []
    for seed in range(200):
        albedo = wardrobe.dress(body, np.random.default_rng(seed)).albedo
        contrasts.append(np.log(albedo[face].mean() / albedo[nape].mean()))
    assert np.mean(np.array(contrasts) > np.log(2)) > 0.5
    assert np.mean(np.array(contrasts) < -np.log(2)) < 0.15


def test_loose_clothes_hide_the_shape_of_the_limbs():
    """Ankles stand off as far as they are thinner than calves, for about every third person."""
    body, wardrobe = population().average, Wardrobe(population().average)
    z = body.vertices[:, 2]
    knee, ankle = body.landmarks["LeftLeg"][2], body.landmarks["LeftFoot"][2]
    leg = body.on(["LeftLeg"]) & (np.arange(len(z)) < body.n_body_vertices)
    calf, shin = (leg & (abs(z - knee + share * (knee - ankle)) < 25) for share in (0.3, 0.85))
    steeper = []
    for seed in range(200):
        offsets = wardrobe.dress(body, np.random.default_rng(seed)).offsets
        steeper.append(offsets[shin].mean() - offsets[calf].mean() > 10)
    assert 0.2 < np.mean(steeper) < 0.5


def test_a_print_tells_not_the_chest_from_the_back():
    """Of shirts that are plain but for it."""
    body, wardrobe = population().average, Wardrobe(population().average)
    x, y, z = body.vertices.T
    middle = body.on(["Spine", "Spine1"]) & (abs(y) < 60) & (z < body.landmarks["neck"][2] - 100)
    found = []
    for seed in range(300):
        albedo = wardrobe.dress(body, np.random.default_rng(seed)).albedo
        chest, back = (albedo[middle & side] for side in (x > 0, x < 0))
        found.append([np.median(abs(gray / np.median(gray) - 1)) > 0.2 for gray in (chest, back)])
    chest, back = np.sum(found, axis=0)
    assert chest > 5
    assert 0.5 < back / chest < 2


def test_some_wear_glasses_of_any_gray():
    wardrobe = Wardrobe(population().average)
    body = next(one for one in map(population().body, range(50)) if one.is_female)  # without a beard
    (front, _, high), (x, _, z) = body.landmarks["eyes"], body.vertices.T
    eyes = body.on(["Head"]) & (abs(z - high) < 8) & (x > front - 20)
    cheeks = body.on(["Head"]) & (abs(z - high + 32) < 8) & (x > front - 20)
    ratios = []
    for seed in range(300):
        albedo = wardrobe.dress(body, np.random.default_rng(seed)).albedo
        ratios.append(np.median(albedo[eyes]) / np.median(albedo[cheeks]))
    assert 0.02 < np.mean(np.array(ratios) > 1.2) < 0.15  # bare eyes are darker than cheeks


def test_things_are_drawn_on_people_alone():
    person = np.zeros((people.SIDE, people.SIDE), bool)
    person[40:200, 90:160] = True
    light, shares = np.where(person, np.float32(0.5), np.float32(0)), []
    for seed in range(100):
        image = people._exposed(light, person, np.random.default_rng(seed))
        assert len(np.unique(image[:, :75])) == 1
        levels = image[44:196, 94:156].astype(int)  # blurred at the border
        shares.append(np.mean(abs(levels - np.median(levels)) > 40))
    assert 0.3 < np.mean(np.array(shares) > 0.003) < 0.7
    assert np.median(shares) < 0.05


def test_dark_clothes_are_bright_through_a_veil():
    person = np.zeros((people.SIDE, people.SIDE), bool)
    person[40:200, 90:160] = True
    light = np.zeros(person.shape, np.float32)
    light[person], light[40:60, 90:160] = 0.01, 0.9
    darkest = [
        np.median(people._exposed(light, person, np.random.default_rng(seed))[80:190, 100:150])
        for seed in range(100)
    ]
    assert 0.2 < np.mean(np.array(darkest) > 20) < 0.6


def test_some_are_out_of_focus(seen):
    images = [one.frame.image.astype(int) for ones in seen.values() for one in ones]
    steepest = [np.abs(np.diff(image, axis=1)).max() / np.ptp(image) for image in images]
    assert 0.1 < np.mean(np.array(steepest) < 0.25) < 0.5


WANTED = ["--source", "people", "--frames", "1600", "--seed", "2"]


def test_people_become_built_files_and_a_second_build_adds_what_is_missing(tmp_path, capsys):
    out = ["--out", str(tmp_path), "--workers", "1"]
    chosen = ["--actions", "Walking", "Lying", "--subjects", "S1", "S11"]
    assert build_dataset.main([*WANTED, *out, *chosen]) == 0
    names = {path.name for path in tmp_path.glob("*.h5")}
    assert names == {f"{action}-{subject}.h5" for action in ("Walking", "Lying") for subject in ("S1", "S11")}
    with Dataset.open(tmp_path) as data:
        assert data.origin.synthetic
        assert set(data.subjects) == {"S1", "S11"}
        before = data.images(np.arange(len(data)))
    gone = tmp_path / "Lying-S1.h5"
    gone.unlink()
    assert build_dataset.main([*WANTED, *out, *chosen]) == 0
    with Dataset.open(tmp_path) as data:
        np.testing.assert_array_equal(data.images(np.arange(len(data))), before)
    assert not verify_built([gone]).faults
    assert build_dataset.main([*WANTED[:-1], "3", *out, *chosen]) == 1
    assert "give another --out" in capsys.readouterr().err


def test_options_of_people_are_refused_elsewhere(tmp_path, capsys):
    for option in ("--frames", "--seed"):
        assert build_dataset.main(["--source", str(tmp_path), option, "5"]) == 1
        assert "--frames and --seed are for --source people; omit them" in capsys.readouterr().err
    assert build_dataset.main([*WANTED, "--rule", "x=keep", "--out", str(tmp_path)]) == 1
