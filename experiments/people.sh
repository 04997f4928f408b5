#!/bin/sh
# Train networks like those that ship with pose3d, on synthetic people alone, and test them on bodies that trained neither:
# about two hours on two cores, more on slow ones. Started again, it goes on where it was. Needs Python 3.11 to 3.13 with pip.
set -e
cd "$(dirname "$0")/.."
. experiments/environment.sh

config=experiments/people.toml
data=data/people

# Train a network in a run folder, or resume or skip the run that is there.
train() {
    task=$1 out=$2
    shift 2
    if [ -e "$out/checkpoint.npz" ]; then
        python -m pose3d.train_$task --data $data --out "$out" --resume
    else
        python -m pose3d.train_$task --data $data --out "$out" --config $config "$@"
    fi
}

python -m pose3d.build_dataset --source people --frames 480000 --seed 1 --out $data
train detection runs/people-detection
train regression runs/people-regression --init runs/people-detection
python -m pose3d.test --data $data --weights runs/people-regression --out runs/test-people
