"""The one-way flow: a module imports lower floors or its own, and no two import each other."""

import ast
import sys
from pathlib import Path

import pytest

import pose3d

ROOT = Path(pose3d.__file__).parent
FLOORS = {
    "facts": (
        "errors", "skeleton", "config", "metrics", "files", "launch", "processes",
        "parallel", "memory", "archive",
    ),
    "data": (
        "human36m", "synthetic", "crop", "windows", "samples", "rows", "dataset", "splits", "extraction",
        "augmentation", "building", "inspection", "verification", "integrity", "matlab", "prepared", "own",
        "sources", "video", "footage", "background", "cutting", "perturbation", "predictions", "baselines",
    ),
    "symbolic": ("ops", "layers", "network", "costs", "updates"),
    "assembly": (
        "graph", "detection", "regression", "weights", "checkpoint", "transfer", "predictor", "diagnosis",
        "sharing",
    ),
    "control": (
        "run", "epoch_lines", "training", "keeping", "preparing", "report", "checking", "robustness",
        "judgement",
    ),
    "commands": ("build_dataset", "train_detection", "train_regression", "test", "predict"),
}  # fmt: skip
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS.values()) for room in rooms}


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports(path):
    """Full names of all that a file imports, wherever it stands in the file; of ours, the module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            # ``from pose3d import config`` means a module, ``from pose3d.config import load`` does not.
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in below}
    return found


IMPORTS = {name: imports(path) for name, path in MODULES.items()}


def room(name):
    """The room of a module of ours, ``pose3d.ops.kernels.forward`` -> ops; None for the package itself."""
    return name.split(".")[1] if "." in name else None


def ours(name):
    return {imported for imported in IMPORTS[name] if imported in MODULES and room(imported)}


def test_every_module_has_a_floor():
    assert {room(name) for name in MODULES} - {None} <= set(FLOOR_OF)
    assert len(FLOOR_OF) == sum(map(len, FLOORS.values()))  # and only one


@pytest.mark.parametrize("name", [name for name in MODULES if room(name)])
def test_a_module_imports_lower_floors_or_its_own(name):
    floor = FLOOR_OF[room(name)]
    above = [other for other in ours(name) if FLOOR_OF[room(other)] > floor]
    assert above == []


def test_a_command_imports_no_other_command():
    commands = set(FLOORS["commands"])
    for name in MODULES:
        if room(name) in commands:
            assert not {room(other) for other in ours(name)} & commands, name


def test_nothing_is_imported_in_a_circle():
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, " -> ".join([*open_[open_.index(name) :], name])
        if name in done:
            return
        open_.append(name)
        for other in sorted(ours(name)):
            visit(other)
        done.add(open_.pop())

    for name in MODULES:
        visit(name)
    assert done == set(MODULES)


def foreign(floor):
    """(module of ours, package of others that it imports) for a whole floor."""
    return {
        (name, imported.split(".")[0])
        for name in MODULES
        if room(name) in FLOORS[floor]
        for imported in IMPORTS[name]
        if imported not in MODULES
    }


def test_the_facts_need_nothing_but_numpy():
    found = foreign("facts") - {("pose3d.io.processes", "mpi4py")}  # loaded only under mpiexec
    assert {package for _, package in found} <= {"numpy", "pose3d", *sys.stdlib_module_names}


def test_the_data_floor_knows_no_pytensor():
    assert [name for name, package in foreign("data") if package == "pytensor"] == []


def test_the_symbolic_floor_knows_neither_data_nor_files():
    allowed = {"numpy", "pytensor", "numba", "llvmlite", "pose3d", *sys.stdlib_module_names}
    assert {package for _, package in foreign("symbolic")} <= allowed


@pytest.mark.parametrize(
    ("who", "knows"),
    [
        ("human36m", {"human36m", "errors", "skeleton"}),  # no crop and no network
        (
            "synthetic",
            {
                "synthetic",
                "human36m",
                "errors",
                "skeleton",
                "files",
                "launch",
                "processes",
                "matlab",
                "video",
            },
        ),
        ("matlab", {"errors", "files"}),
        ("ops", {"ops", "memory"}),  # no data, no files
        ("layers", {"ops"}),
        ("costs", {"ops", "skeleton"}),
        ("updates", {"ops"}),
    ],
)
def test_what_a_room_knows(who, knows):
    known = {room(other) for name in MODULES if room(name) == who for other in ours(name)}
    assert known <= knows
