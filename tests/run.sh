#!/bin/sh
# All tests, in an environment of their own making; arguments go to pytest, as in: sh tests/run.sh -m "not slow"
# Two processes share the files, for most of the time goes into starting programs and into numba's compiling, which know
# one core; -n 0 is without. In the order of their names the longest files are not the last.
set -e
cd "$(dirname "$0")/.."
EXTRAS=${EXTRAS:-test}
. experiments/environment.sh

# Hundreds of processes start: without files of bytecode each would compile every module anew.
unset PYTHONDONTWRITEBYTECODE
exec python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder "$@"
