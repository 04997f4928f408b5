import pytest

from pose3d.recordings.human36m import CAMERAS, POSES, REPORT_ACTIONS, SUBJECTS, TAKES

# Figure 1(a) of the report as it is printed, misprint included.
PRINTED = """
S1	26440	30628	20312	9656	8440	13756
S5	22084	48100	22428	18692	24428	16288
S6	25456	20540	16944	14404	13788	14360
S7	29036	43540	27736	17504	16128	21492
S8	29278	15980	22004	12180	13264	13516
S9	16232	44716	21396	16632	15180	17816
S11	13032	19528	17912	14012	14140	10488
TOTAL	162008	223032	148732	103080	105368	107716
"""
FIGURE = {row.split()[0]: [int(cell) for cell in row.split()[1:]] for row in PRINTED.strip().splitlines()}
MISPRINTS = {("S8", "Walking"): 29278}


def four_cameras(subject, action):
    return len(CAMERAS) * sum(POSES[subject, action, take] for take in TAKES)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_entry_of_the_report_is_met_but_its_misprint(subject):
    for action, printed in zip(REPORT_ACTIONS, FIGURE[subject], strict=True):
        assert (four_cameras(subject, action) == printed) != ((subject, action) in MISPRINTS)
        assert MISPRINTS.get((subject, action), printed) == printed


def test_every_total_of_the_report_is_met():
    totals = [sum(four_cameras(subject, action) for subject in SUBJECTS) for action in REPORT_ACTIONS]
    assert totals == FIGURE["TOTAL"]


def test_the_takes_of_s9_that_break_off_early_are_counted_short():
    assert POSES["S9", "Walking", 2] == 1612
    assert POSES["S9", "Greeting", 2] == 1447
    assert ("S9", "Phoning", 2) not in POSES
