"""A classifier of about 1 MB and its successors, each trained further: what a rollout brings.

The task is made up (which of four patterns hides in the noise), the training is real: stochastic
gradient descent on all weights, so that every version differs from the one before in most of them.
"""
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUTS, HIDDEN, CLASSES = 768, 320, 4
SHAPE = (1, INPUTS)


class Classifier:
    def __init__(self, seed: int = 5):
        self.random = np.random.default_rng(seed)
        self.patterns = self.random.standard_normal((CLASSES, INPUTS)).astype(np.float32) * 0.2
        self.hidden = (self.random.standard_normal((INPUTS, HIDDEN)) * 0.04).astype(np.float32)
        self.out = (self.random.standard_normal((HIDDEN, CLASSES)) * 0.05).astype(np.float32)

    def batch(self, count: int):
        labels = self.random.integers(0, CLASSES, count)
        noise = self.random.standard_normal((count, INPUTS)).astype(np.float32)
        return self.patterns[labels] + noise, labels

    def forward(self, inputs: np.ndarray):
        hidden = np.maximum(inputs @ self.hidden, 0)
        logits = hidden @ self.out
        exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
        return hidden, exponent / exponent.sum(axis=1, keepdims=True)

    def train(self, steps: int = 20, rate: float = 0.02) -> None:
        for _ in range(steps):
            inputs, labels = self.batch(128)
            hidden, delta = self.forward(inputs)
            delta[np.arange(len(labels)), labels] -= 1
            delta /= len(labels)
            back = (delta @ self.out.T) * (hidden > 0)
            self.out -= rate * hidden.T @ delta
            self.hidden -= rate * inputs.T @ back

    def model(self) -> onnx.ModelProto:
        nodes = [helper.make_node("MatMul", ["signal", "hidden_weights"], ["hidden"]),
                 helper.make_node("Relu", ["hidden"], ["positive"]),
                 helper.make_node("MatMul", ["positive", "out_weights"], ["logits"]),
                 helper.make_node("Softmax", ["logits"], ["probs"], axis=1)]
        weights = [numpy_helper.from_array(self.hidden, "hidden_weights"), numpy_helper.from_array(self.out, "out_weights")]
        graph = helper.make_graph(nodes, "pattern",
                                  [helper.make_tensor_value_info("signal", TensorProto.FLOAT, [None, INPUTS])],
                                  [helper.make_tensor_value_info("probs", TensorProto.FLOAT, [None, CLASSES])], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 7
        return model


def make_versions(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    """Folders 1.0.0, 1.1.0, ... with model.onnx, golden.json and the golden input signal.bin."""
    classifier = Classifier()
    classifier.train(60)
    made = []
    for number in range(count):
        classifier.train()
        target = folder / f"1.{number}.0"
        target.mkdir(parents=True)
        onnx.save(classifier.model(), str(target / "model.onnx"))
        signal, _ = classifier.batch(1)
        (target / "signal.bin").write_bytes(signal.astype("<f4").tobytes())
        expected = classifier.forward(signal)[1][0]
        case = {"inputs": [{"name": "signal", "datatype": "FP32", "shape": list(SHAPE), "file": "signal.bin"}],
                "outputs": [{"name": "probs", "datatype": "FP32", "shape": [1, CLASSES],
                             "data": [round(float(p), 6) for p in expected]}]}
        (target / "golden.json").write_text(json.dumps({"cases": [case]}) + "\n", encoding="utf-8")
        made.append(target)
    return made
