"""Numbers of poses of Human3.6M, for each take of the six actions of the report's figure 1(a).

The numbers are from the data set: for each take, the frames of the shortest of its four videos, or a
quarter of its motion capture samples (200 a second) where these are fewer. Summed over four cameras they
give every entry and every total of the figure but one. S8 Walking is printed 29278, two digits swapped:
only 29728 is a multiple of four and adds up to the column's printed total, 162008.
"""

from pose3d.recordings.human36m.actions import REPORT_ACTIONS, SUBJECTS, TAKES

# Take 1 and take 2, by subject and, from left to right, by action as in REPORT_ACTIONS.
_POSES = {
    "S1":  ((3476, 3134), (3805, 3852), (2357, 2721), (1265, 1149), (1074, 1036), (1662, 1777)),
    "S5":  ((3000, 2521), (6090, 5935), (3276, 2331), (1474, 3199), (3325, 2782), (1937, 2135)),
    "S6":  ((2750, 3614), (2720, 2415), (2010, 2226), (1980, 1621), (1672, 1775), (1996, 1594)),
    "S7":  ((3636, 3623), (5415, 5470), (3763, 3171), (2215, 2161), (2155, 1877), (2641, 2732)),
    "S8":  ((3737, 3695), (1931, 2064), (2807, 2694), (1598, 1447), (1616, 1700), (1735, 1644)),
    "S9":  ((2446, 1612), (5873, 5306), (2663, 2686), (2711, 1447), (1449, 2346), (2217, 2237)),
    "S11": ((1637, 1621), (2684, 2198), (2275, 2203), (1695, 1808), (1545, 1990), (1187, 1435)),
}  # fmt: skip

# (subject, action, take) -> poses of each of the four cameras; the nine other actions have no entry.
POSES = {
    (subject, action, take): count
    for subject in SUBJECTS
    for action, pair in zip(REPORT_ACTIONS, _POSES[subject], strict=True)
    for take, count in zip(TAKES, pair, strict=True)
}
