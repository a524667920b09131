"""The leaf classifier of the demo, as releases for tests."""
import pathlib
import shutil

LEAF_SHAPE = (1, 3, 64, 64)


def leaf_of_its_own(source: pathlib.Path, bundle: pathlib.Path, mark: bytes) -> pathlib.Path:
    """Copies the release `source`; its model works as before and has other bytes for each `mark` of 64 printable ones."""
    assert len(mark) == 64 and mark.isascii(), "the length below and UTF-8"
    shutil.copytree(source, bundle)
    model = bundle / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\x32\x40" + mark)  # doc_string, field 6 of ModelProto, 64 bytes
    return bundle


def answers(agent, image: bytes) -> str:
    """The version of the leaf that answers on an agent."""
    client = agent.client()
    try:
        return client.infer("leaf", "image", LEAF_SHAPE, image)[0]
    finally:
        client.close()
