#!/bin/sh
# What users install: builds the source distribution and, from it, the wheel; compares the files of both with those of
# the checkout; then installs the wheel alone into a new environment and predicts there.
set -e
cd "$(dirname "$0")/.."
EXTRAS=${EXTRAS:-package}
. experiments/environment.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Of committed files only, in a folder of its own: nothing that lies about in the checkout gets in, nothing is left there.
mkdir "$folder/source"
git archive HEAD | tar -x -C "$folder/source"
python -m build --outdir "$folder/dist" "$folder/source" > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
python tests/package_files.py "$folder/source" "$folder"/dist/*.tar.gz "$folder"/dist/*.whl

python -m venv "$folder/new"
"$folder/new/bin/python" -m pip install --quiet --constraint constraints.txt "$folder"/dist/*.whl
cp tests/installed.py "$folder"
cd "$folder"
new/bin/python installed.py
new/bin/python -m pose3d.predict photo.png --format csv  # by the networks that come with it
test "$(wc -l < runs/predict/predictions.csv)" -gt 1
new/bin/python -m pose3d.predict picture.png --weights weights.npz --format csv
test "$(wc -l < runs/predict/predictions.csv)" -gt 1
new/bin/python -m pose3d --version
