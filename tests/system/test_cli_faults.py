"""The command line and servers that are silent or answer in other ways."""
import json
import struct
import threading

import pytest

from harness.scripted_hub import Answer, ScriptedHub, error


@pytest.mark.case("the hub takes a `watch --for` and does not answer", "the command fails when its time is over")
def test_a_watch_of_a_silent_hub_fails(bin_dir, tmp_path):
    over = threading.Event()
    with ScriptedHub(bin_dir, tmp_path, lambda _request: over.wait(60) and None) as hub:
        done = hub.cli("watch", "--for", "1")
        over.set()
    assert done.returncode == 8, done


def test_a_watch_that_is_refused_fails(bin_dir, tmp_path):
    with ScriptedHub(bin_dir, tmp_path, lambda _request: error(504, "timeout")) as hub:
        assert hub.cli("watch", "--for", "1").returncode == 8


def half(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}e", *values)


class Model:
    """A server of one model. `outputs` are (name, datatype, values); keeps the last request's header and data."""

    def __init__(self, *outputs):
        self.outputs = outputs
        self.header: dict = {}
        self.data = b""

    def __call__(self, request):
        if request.method == "GET":
            return Answer(200, {"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3, -1]}],
                                "outputs": [{"name": n, "datatype": t, "shape": [-1]} for n, t, _ in self.outputs]})
        length = int(request.headers["Inference-Header-Content-Length"])
        self.header, self.data = json.loads(request.body[:length]), request.body[length:]
        wanted = {o["name"]: o.get("parameters", {}).get("binary_data", False) for o in self.header.get("outputs", [])}
        described, raw = [], b""
        for name, datatype, values in self.outputs:
            entry = {"name": name, "datatype": datatype, "shape": [len(values)]}
            if wanted.get(name):
                packed = half(*values)
                entry["parameters"] = {"binary_data_size": len(packed)}
                raw += packed
            elif datatype == "FP16":
                return Answer(400, {"error": "FP16 is sent as binary data only"})
            else:
                entry["data"] = list(values)
            described.append(entry)
        body = json.dumps({"model_name": "m", "model_version": "1", "outputs": described}).encode()
        return Answer(200, body + raw, {"Inference-Header-Content-Length": str(len(body))} if raw else {})


@pytest.fixture
def infer(bin_dir, tmp_path):
    """infer(model, *options) -> finished process, with an input of six values."""
    (tmp_path / "x.bin").write_bytes(bytes(24))

    def run(model, *options):
        with ScriptedHub(bin_dir, tmp_path, model) as server:
            return server.cli("-o", "json", "infer", "m", "--server", server.url, "--input", f"x={tmp_path / 'x.bin'}",
                              *options)

    return run


def test_fp16_outputs_are_asked_as_binary_data_and_decoded(infer):
    model = Model(("a", "FP16", (1.5, -2.0, 0.0, 2.0 ** -24, 65504.0)), ("b", "FP32", (0.25,)), ("c", "FP16", (3.0,)))
    done = infer(model)
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout)["outputs"]
    assert [output["name"] for output in outputs] == ["a", "b", "c"]
    assert outputs[0]["data"] == pytest.approx([1.5, -2.0, 0.0, 2.0 ** -24, 65504.0], rel=1e-6)
    assert outputs[1]["data"] == [0.25] and outputs[2]["data"] == [3.0]


def test_what_json_cannot_write_is_written_as_text(infer):
    done = infer(Model(("a", "FP16", (float("inf"), float("-inf"), float("nan")))))
    assert json.loads(done.stdout)["outputs"][0]["data"] == ["inf", "-inf", "nan"]


def test_models_without_fp16_outputs_are_asked_as_ever(infer):
    model = Model(("b", "FP32", (0.25,)))
    assert json.loads(infer(model).stdout)["outputs"][0]["data"] == [0.25]
    assert "outputs" not in model.header and model.data == bytes(24)


@pytest.mark.parametrize(("options", "shape"), [((), [1, 3, 1]), (("--shape", "x=2,3,1"), [2, 3, 1]),
                                                (("--shape", "x=1,3,2"), [1, 3, 2]), (("--shape", "x="), [])])
def test_free_dimensions_can_be_named(infer, options, shape):
    model = Model(("b", "FP32", (0.25,)))
    done = infer(model, *options)
    assert done.returncode == 0, done.stderr
    assert model.header["inputs"][0]["shape"] == shape


@pytest.mark.parametrize("shape", ["x", "x=1,,2", "x=1,-1", "x=a", "y=1"])
def test_a_shape_that_makes_no_sense_is_named(infer, shape):
    done = infer(Model(("b", "FP32", (0.25,))), "--shape", shape)
    assert done.returncode == 2 and "--shape" in done.stderr


@pytest.mark.parametrize("length", ["7000", "x", "-1"])
def test_an_answer_that_is_shorter_than_it_says(infer, length):
    model = Model(("a", "FP16", (1.0,)))

    def lie(request):
        answer = model(request)
        if request.method == "POST":
            answer.headers["Inference-Header-Content-Length"] = length
        return answer

    assert infer(lie).returncode == 11


def test_an_output_whose_bytes_are_missing(infer):
    model = Model(("a", "FP16", (1.0, 2.0)))

    def cut(request):
        answer = model(request)
        if request.method == "POST":
            answer.body = answer.body[:-1]
        return answer

    assert infer(cut).returncode == 11
