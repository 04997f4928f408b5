"""Compare the files of distributions with those of a checkout: tests/package_files.py CHECKOUT SDIST WHEEL"""

import sys
import tarfile
import zipfile
from pathlib import Path

# What no reader of the source distribution needs: the workshop of the checkout.
APART = (".ci/", ".gitignore")


def main(checkout, sdist, wheel):
    checkout = Path(checkout)
    ours = {path.relative_to(checkout).as_posix() for path in checkout.rglob("*") if path.is_file()}
    with tarfile.open(sdist) as file:
        inside = {member.name.partition("/")[2] for member in file.getmembers() if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"} | {name for name in inside if name.startswith("pose3d.egg-info/")}
    differ(sdist, inside - made, {name for name in ours if not name.startswith(APART)} - made)
    with zipfile.ZipFile(wheel) as file:
        inside = {name for name in file.namelist() if ".dist-info/" not in name}
    differ(wheel, inside, {name for name in ours if name.startswith("pose3d/")})


def differ(name, found, wanted):
    """End with an error if a distribution lacks files, or has others."""
    if found != wanted:
        sys.exit(f"{name} lacks {sorted(wanted - found)}, and should not have {sorted(found - wanted)}")
    print(f"{Path(name).name}: {len(found)} files, those of the checkout")


if __name__ == "__main__":
    main(*sys.argv[1:])
