"""Take the weights of the network that finds people out of its TFLite file, into one that pose3d reads.

    pip download --no-deps mediapipe==0.10.21; unzip mediapipe-0.10.21-*.whl; pip install tflite
    python experiments/make_segmentation.py mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite

The file is Google's "MediaPipe Selfie Segmentation" of 2021, general model, under the Apache License 2.0
(https://github.com/tensorflow/tfjs/issues/4177 and its model card). The numbers are not changed: float16.
"""

import argparse
from pathlib import Path

import numpy as np
import tflite

from pose3d.inference import segmentation
from pose3d.io.atomic_files import whole

DTYPES = {tflite.TensorType.FLOAT16: np.float16, tflite.TensorType.FLOAT32: np.float32}
OPERATORS = tflite.BuiltinOperator
# Operators with a kernel and a bias. The custom one is the transposed convolution at the end.
CONVOLUTIONS = (OPERATORS.CONV_2D, OPERATORS.DEPTHWISE_CONV_2D, OPERATORS.CUSTOM)


def kernels(content):
    """Kernels and biases of a TFLite file (bytes) in the order of computation: list of arrays."""
    model = tflite.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]

    def kind(operator):
        code = model.OperatorCodes(operator.OpcodeIndex())
        return max(code.BuiltinCode(), code.DeprecatedBuiltinCode())

    stored = {each.Outputs(0): each.Inputs(0) for each in operators if kind(each) == OPERATORS.DEQUANTIZE}

    def array(number):
        tensor = graph.Tensors(stored.get(number, number))
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        return data.view(DTYPES[tensor.Type()]).reshape(tensor.ShapeAsNumpy())

    convolutions = [each for each in operators if kind(each) in CONVOLUTIONS]
    return [array(each.Inputs(i)) for each in convolutions for i in (1, 2)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tflite", type=Path)
    parser.add_argument("--out", type=Path, default=segmentation.WEIGHTS)
    arguments = parser.parse_args()
    found = kernels(arguments.tflite.read_bytes())
    with whole(arguments.out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **{f"{number:03d}": array for number, array in enumerate(found)})
    print(f"{len(found)} arrays, {sum(array.size for array in found)} numbers in {arguments.out}")


if __name__ == "__main__":
    main()
