#!/usr/bin/env python3
"""Makes the leaf releases of the demo and the tests: real training, no noise.

usage: make_models.py BASE.onnx OUT_DIR [--epochs N]

OUT_DIR/
  golden/                 inputs shared by all releases, as raw little-endian float32
  leaf-1.0.0/             the base classifier, as it came
  leaf-1.1.0/             trained further on shaded leaves with fine rust
  leaf-1.1.1/             the same weights, exported again: other names, other order
  leaf-1.1.0-dusk/        a variant, trained further for deep shade
  leaf-crash/ -hang/ -wrong/   releases that no device may keep
  summary.json            accuracies and losses, as measured
Each release folder holds model.onnx, golden.json and golden/*.bin.
"""
import argparse
import copy
import json
import pathlib
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import leaves
import network

GOLDEN_SEED = 77
VALIDATION_SEED = 2
FIELD = {"fine_share": 0.6, "shade": (0.35, 0.9)}
DUSK = {"fine_share": 0.6, "shade": (0.15, 0.4)}


def write_release(folder: pathlib.Path, model: onnx.ModelProto, answers: network.Network) -> None:
    """Model, golden inputs and the outputs that `answers` gives for them."""
    (folder / "golden").mkdir(parents=True)
    onnx.save(model, str(folder / "model.onnx"))
    cases = []
    rng = np.random.default_rng(GOLDEN_SEED)
    for label in (0, 2):
        picture = leaves.draw(rng, label, shade=0.6)[None]
        name = f"golden/{leaves.CLASSES[label]}.bin"
        (folder / name).write_bytes(picture.astype("<f4").tobytes())
        expected = answers.forward(picture)[0]
        cases.append({
            "inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 3, leaves.SIZE, leaves.SIZE],
                        "file": name}],
            "outputs": [{"name": "probs", "datatype": "FP32", "shape": [1, 4],
                         "data": [round(float(p), 6) for p in expected]}],
        })
    (folder / "golden.json").write_text(json.dumps({"cases": cases}, indent=1) + "\n", encoding="utf-8")


def further_train(model: onnx.ModelProto, seed: int, epochs: int, count: int, conditions: dict):
    """A copy of the model trained on new leaves of those conditions, and what happened."""
    trained = copy.deepcopy(model)
    net = network.Network(trained)
    held_out = leaves.make_set(VALIDATION_SEED, 400, **conditions)
    before = network.accuracy(net, *held_out)
    pictures, labels = leaves.make_set(seed, count, **conditions)
    losses = [loss for _, loss in network.train(net, pictures, labels, epochs, rate=3e-4, seed=seed)]
    net.store(trained)
    report = {"accuracy_before": before, "accuracy_after": network.accuracy(net, *held_out),
              "losses": [round(loss, 4) for loss in losses]}
    return trained, net, report


def export_again(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network as another exporter would write it: renamed values, reversed initializers."""
    again = copy.deepcopy(model)
    kept = {value.name for value in [*again.graph.input, *again.graph.output]}
    names: dict[str, str] = {}

    def rename(name: str) -> str:
        if not name or name in kept:
            return name
        return names.setdefault(name, f"value_{len(names)}")

    for node in again.graph.node:
        node.name = ""
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
    tensors = list(again.graph.initializer)[::-1]
    for tensor in tensors:
        tensor.name = rename(tensor.name)
    del again.graph.initializer[:]
    again.graph.initializer.extend(tensors)
    again.producer_name = "strandline-examples"
    again.doc_string = "exported again, same weights"
    return again


def crashes_on_load() -> onnx.ModelProto:
    """The smallest integer divided by -1 overflows; folded while loading, which raises SIGFPE."""
    lowest = helper.make_tensor("lowest", TensorProto.INT32, [1], [-2**31])
    minus = helper.make_tensor("minus", TensorProto.INT32, [1], [-1])
    nodes = [helper.make_node("Div", ["lowest", "minus"], ["quotient"]),
             helper.make_node("Cast", ["quotient"], ["number"], to=TensorProto.FLOAT)]
    return _classifier(nodes, [lowest, minus])


def hangs() -> onnx.ModelProto:
    """A loop that never ends, reached by the first inference."""
    state = helper.make_tensor_value_info("state_in", TensorProto.FLOAT, [1])
    turn = helper.make_tensor_value_info("turn", TensorProto.INT64, [])
    go_in = helper.make_tensor_value_info("go_in", TensorProto.BOOL, [])
    go_out = helper.make_tensor_value_info("go_out", TensorProto.BOOL, [])
    out = helper.make_tensor_value_info("state_out", TensorProto.FLOAT, [1])
    body = helper.make_graph([helper.make_node("Identity", ["go_in"], ["go_out"]),
                              helper.make_node("Sin", ["state_in"], ["state_out"])],
                             "body", [turn, go_in, state], [go_out, out])
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    nodes = [helper.make_node("ReduceMax", ["image"], ["peak"], keepdims=0),
             helper.make_node("Unsqueeze", ["peak", "axis"], ["start"]),
             helper.make_node("Loop", ["", "always", "start"], ["number"], body=body)]
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [0])
    return _classifier(nodes, [always, axis])


def _classifier(nodes, tensors) -> onnx.ModelProto:
    """Wraps nodes that make `number` [1] into the leaf classifier's interface."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [1, 4], [0.1, 0.2, 0.3, 0.4])
    tail = [helper.make_node("Mul", ["number", "weights"], ["scaled"]),
            helper.make_node("Softmax", ["scaled"], ["probs"], axis=1)]
    graph = helper.make_graph(
        [*nodes, *tail], "leaf",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 3, leaves.SIZE, leaves.SIZE])],
        [helper.make_tensor_value_info("probs", TensorProto.FLOAT, [None, 4])], [*tensors, weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    return model


def answers_wrongly(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """The classifier with its last layer's classes turned round: loads well, answers wrongly."""
    wrong = copy.deepcopy(model)
    for tensor in wrong.graph.initializer:
        if tensor.name in names[-2:]:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[::-1].copy(), tensor.name))
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--count", type=int, default=600)
    arguments = parser.parse_args()
    work = arguments.out.with_name(arguments.out.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    base = onnx.load(str(arguments.base))
    base_net = network.Network(base)
    write_release(work / "leaf-1.0.0", base, base_net)
    (work / "leaf-1.0.0" / "model.onnx").write_bytes(arguments.base.read_bytes())
    print("training 1.1.0 on shaded leaves with fine rust ...", flush=True)
    field, field_net, field_report = further_train(base, 1, arguments.epochs, arguments.count, FIELD)
    write_release(work / "leaf-1.1.0", field, field_net)
    write_release(work / "leaf-1.1.1", export_again(field), field_net)
    print("training the variant for deep shade ...", flush=True)
    dusk, dusk_net, dusk_report = further_train(field, 5, arguments.epochs, arguments.count, DUSK)
    write_release(work / "leaf-1.1.0-dusk", dusk, dusk_net)
    write_release(work / "leaf-crash", crashes_on_load(), field_net)
    write_release(work / "leaf-hang", hangs(), field_net)
    write_release(work / "leaf-wrong", answers_wrongly(field, field_net.names), field_net)
    summary = {"1.1.0": field_report, "1.1.0-dusk": dusk_report}
    (work / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(arguments.out, ignore_errors=True)
    work.rename(arguments.out)
    for name, report in summary.items():
        print(f"{name}: accuracy {report['accuracy_before']:.3f} -> {report['accuracy_after']:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
