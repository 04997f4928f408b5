"""The direction of flow: between packages, and within each. A few limits that keep the house small."""

import ast
from collections import Counter
from pathlib import Path

import pytest

import pose3d

ROOT = Path(pose3d.__file__).parent
# In the order in which data passes them: a package imports only packages before it.
ORDER = (
    "io", "ops", "recordings", "synthetic", "dataset", "model", "evaluation", "training", "report",
    "inference",
)  # fmt: skip
# Neither of a pair imports the other, although one comes first.
APART = (
    ("recordings", "evaluation"), ("training", "report"), ("report", "inference"), ("training", "inference"),
)  # fmt: skip
FACTS = {"errors", "skeleton", "config"}  # which everything may import
SHARED = {"training_parser"}  # by commands alone
# Modules of one name that do the same job, for different sources.
ALIKE = {"__init__", "__main__", "layout", "reader"}


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
FOLDERS = sorted({path.parent for path in MODULES.values()})
PACKAGES = {path.name for path in FOLDERS if path.parent == ROOT}
TOP = {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"}
COMMANDS = TOP - FACTS - SHARED


def imports(path):
    """Full names of all modules that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            # ``from pose3d import config`` imports a module, ``from pose3d.config import load`` does not.
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in below}
    return found


IMPORTS = {name: imports(path) for name, path in MODULES.items()}


def room(name):
    """``pose3d.ops.shapes`` -> ops, ``pose3d.test`` -> test, ``pose3d`` -> None."""
    return name.split(".")[1] if "." in name else None


def ours(name):
    return {other for other in IMPORTS[name] if other in MODULES and room(other)}


def circle(graph):
    """A path through a graph (dict of node to set of nodes) that returns to where it was, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            path.append(node)
            for other in sorted(graph.get(node, ())):
                if found := visit(other):
                    return found
            done.add(path.pop())
        return None

    return next((found for node in sorted(graph) if (found := visit(node))), None)


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) is None


def test_every_package_has_its_place_in_the_order():
    assert set(ORDER) == PACKAGES


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in PACKAGES])
def test_a_package_imports_packages_before_it(name):
    before = set(ORDER[: ORDER.index(room(name)) + 1]) | FACTS
    before -= {pair[1 - pair.index(room(name))] for pair in APART if room(name) in pair}
    assert {other for other in ours(name) if room(other) not in before} == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: module_name(folder / "__init__.py"))
def test_the_parts_of_a_package_import_each_other_in_one_direction(folder):
    """A part is a module, or a package with all that is in it."""
    whole = module_name(folder / "__init__.py")
    parts = {}
    for name in MODULES:
        if name.startswith(f"{whole}."):
            part = name[len(whole) + 1 :].split(".")[0]
            inside = {
                other[len(whole) + 1 :].split(".")[0] for other in ours(name) if other.startswith(f"{whole}.")
            }
            parts.setdefault(part, set()).update(inside - {part})
            # The package's face imports its parts; a part that imports the face would close a circle.
            assert whole == "pose3d" or part == "__main__" or whole not in ours(name), name
    assert circle(parts) is None


def test_nothing_imports_a_command_and_no_command_another():
    assert {name: other for name in MODULES for other in ours(name) if room(other) in COMMANDS} == {}
    users = {room(name) for name in MODULES for other in ours(name) if room(other) in SHARED}
    assert users <= COMMANDS


def test_the_house_is_small():
    assert len(PACKAGES) <= 10
    assert len(TOP) <= 9
    for folder in FOLDERS[1:]:
        assert len([path for path in folder.glob("*.py") if path.stem != "__init__"]) <= 10, folder


def test_no_two_modules_of_one_name_have_different_jobs():
    names = Counter(path.stem for path in MODULES.values() if path.stem not in ALIKE)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("pytensor", {"ops", "model"}),
        ("numba", {"ops"}),
        ("matplotlib", {"report"}),
        ("av", {"io"}),
        ("mpi4py", {"io"}),
    ],
)
def test_a_large_library_is_known_to_few(library, rooms):
    users = {room(name) for name in MODULES if any(other.split(".")[0] == library for other in IMPORTS[name])}
    assert users == rooms


def text_calls(tree):
    """Calls of pathlib that read or write text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            words = {word.arg for word in node.keywords}
            modes = [word.value if isinstance(word, ast.Constant) else None for word in node.args]
            opens = node.func.attr == "open" and (modes in (["r"], ["w"], ["a"]) or "newline" in words)
            if node.func.attr in ("read_text", "write_text") or opens:
                yield node, words


def test_text_files_name_their_encoding():
    experiments = ROOT.parent / "experiments"
    found = {
        f"{path.name}:{node.lineno}": words
        for path in [*MODULES.values(), *experiments.glob("*.py")]
        for node, words in text_calls(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert len(found) > 20
    assert [place for place, words in found.items() if "encoding" not in words] == []
