# Sourced by quickstart.sh, tests/run.sh and .ci/run, from the top folder: a virtual environment in .venv, or
# where VENV says, with pose3d and what it needs, made once and reused. PYTHON names the interpreter for it, EXTRAS the
# extras of setup.cfg.

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

venv=${VENV:-.venv}
if [ ! -x "$venv/bin/python" ]; then
    for candidate in ${PYTHON:-python3 python python3.13 python3.12 python3.11}; do
        fits "$candidate" && break
        candidate=
    done
    if [ -z "$candidate" ]; then
        echo "error: Python 3.11, 3.12 or 3.13 is needed; name it with PYTHON=/path/to/python" >&2
        exit 1
    fi
    echo "making $venv with $("$candidate" --version)"
    "$candidate" -m venv "$venv" || exit 1
fi
# Installed again whenever the requirements change; an installation that was cut off leaves no stamp.
extras=${EXTRAS:-report}
stamp=$venv/pose3d-$extras-$(cat setup.cfg constraints.txt | cksum | cut -d ' ' -f 1)
if [ ! -e "$stamp" ]; then
    echo "installing pose3d and its packages into $venv (about a minute)"
    "$venv/bin/python" -m pip install --quiet --constraint constraints.txt --editable ".[$extras]" || exit 1
    touch "$stamp"
fi
PATH=$PWD/$venv/bin:$PATH
export PATH
