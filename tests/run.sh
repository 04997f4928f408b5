#!/bin/sh
# All tests, in an environment of their own making; arguments go to pytest, as in: sh tests/run.sh -m "not slow"
set -e
cd "$(dirname "$0")/.."
. experiments/environment.sh

exec python -m pytest "$@"
