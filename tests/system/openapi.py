"""The API description: its operations, and answers checked against its schemas."""
import pathlib
import re

import jsonschema
import yaml

FILE = pathlib.Path(__file__).parents[2] / "api" / "openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


class ApiDescription:
    def __init__(self):
        self.document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
        self.operations = {(method.upper(), path): operation for path, item in self.document["paths"].items()
                           for method, operation in item.items() if method in METHODS}
        # A literal part is more specific than a parameter, so longer literals are tried first.
        self._patterns = sorted(((method, path, re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"))
                                 for method, path in self.operations), key=lambda p: (p[1].count("{"), -len(p[1])))

    def operation_of(self, method: str, target: str):
        """(method, path template) of a request, or None."""
        path = target.split("?", 1)[0]
        found = next(((m, p) for m, p, pattern in self._patterns if m == method and pattern.match(path)), None)
        # HEAD is GET without a body (RFC 9110 section 9.3.2) and need not be described again.
        return self.operation_of("GET", target) if found is None and method == "HEAD" else found

    def check(self, key, status: int, headers, body) -> None:
        """The status is documented, and a JSON body fits its schema."""
        responses = self.operations[key]["responses"]
        answer = responses.get(str(status)) or responses.get(f"{status // 100}XX") or responses.get("default")
        assert answer is not None, f"{key}: status {status} is not documented ({list(responses)})"
        answer = self._resolve(answer)
        content = answer.get("content", {})
        kind = headers.get("Content-Type", "").split(";")[0]
        if not isinstance(body, (dict, list)):
            return
        assert kind in content, f"{key}: {status} with {kind} is not documented ({list(content)})"
        schema = content[kind].get("schema")
        if schema is not None:
            jsonschema.Draft202012Validator(
                schema, resolver=jsonschema.RefResolver("", self.document)).validate(body)

    def _resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node
