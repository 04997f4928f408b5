#!/bin/sh
# The main job on the built-in data, about ten minutes on two cores: build, train the detection network, train the
# regression network from random weights and from the detection network's, test both. Needs Python >= 3.11 with pip.
set -e
cd "$(dirname "$0")/.."
. experiments/environment.sh

config=experiments/recommended.toml
python -m pose3d.build_dataset
python -m pose3d.train_detection --config $config --set training.epochs=12
# From random weights 0.002 is too fast: one start in nine collapses.
python -m pose3d.train_regression --config $config --set training.epochs=6 --set training.learning_rate=0.001 \
    --init none --out runs/regression-random
python -m pose3d.test --weights runs/regression-random --out runs/test-random
python -m pose3d.train_regression --config $config --set training.epochs=6
python -m pose3d.test
