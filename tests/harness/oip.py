"""A small Open Inference Protocol v2 client: binary tensors over one kept connection."""
import http.client
import json


class InferenceError(Exception):
    pass


class OipClient:
    def __init__(self, url: str, timeout: float = 30):
        self.host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        self.connection = http.client.HTTPConnection(self.host, int(port), timeout=timeout)

    def close(self) -> None:
        self.connection.close()

    def get(self, path: str):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else None

    def infer(self, model: str, name: str, shape, data: bytes, datatype: str = "FP32"):
        """(model version, {output name: list}); InferenceError with the server's text."""
        header = json.dumps({"inputs": [{"name": name, "shape": list(shape), "datatype": datatype,
                                         "parameters": {"binary_data_size": len(data)}}]}).encode()
        self.connection.request("POST", f"/v2/models/{model}/infer", header + data,
                                {"Inference-Header-Content-Length": str(len(header)),
                                 "Content-Type": "application/octet-stream"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise InferenceError(f"{answer.status}: {body[:500].decode(errors='replace')}")
        document = json.loads(body)
        return document.get("model_version", ""), {o["name"]: o["data"] for o in document["outputs"]}
