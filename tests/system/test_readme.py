"""The README's curl examples work as printed, against the addresses that ./run up uses."""
import pathlib
import re
import subprocess

README = pathlib.Path(__file__).parents[2] / "README.md"


def test_curl_examples(site, leaf):
    agent = site.agent("edge-1")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.deploy("leaf@1.0.0", "all")
    block = next(b for b in re.findall(r"```\n(.*?)```", README.read_text(encoding="utf-8"), re.S) if "curl " in b)
    script = (block.replace("https://127.0.0.1:8443", site.hub.url).replace("build/up/ca.pem", str(site.hub.ca_file))
              .replace("build/up/operator.token", str(site.hub.folder / "operator.token"))
              .replace("http://127.0.0.1:8501", agent.serve_url).replace("curl ", "curl -sS --fail-with-body "))
    assert script.count("curl ") >= 5
    done = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"devices"' in done.stdout and "edge-1" in done.stdout and "# TYPE" in done.stdout
    assert '"platform":"onnxruntime_onnx"' in done.stdout
