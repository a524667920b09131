"""Server certificates for servers that stand in a hub's place: right ones and wrong ones."""
import dataclasses
import pathlib
import subprocess

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclasses.dataclass(frozen=True)
class Pair:
    """Certificate chain and key, as files."""
    certificate: pathlib.Path
    key: pathlib.Path


def _openssl(*arguments) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} -> exit {done.returncode}: {done.stderr}")


def make_authority(folder: pathlib.Path, name: str) -> Pair:
    """A certificate authority that nobody has enrolled with."""
    made = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    _openssl("req", "-x509", *CURVE, "-keyout", made.key, "-out", made.certificate, "-days", 30, "-subj", f"/CN={name}",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    return made


def issue(authority: Pair, folder: pathlib.Path, name: str, address: str = "IP:127.0.0.1", days: int = 30) -> Pair:
    """A server certificate for `address`; negative `days` make an expired one. The chain ends with the authority."""
    made = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={address}\nextendedKeyUsage=serverAuth\n", encoding="utf-8")
    _openssl("req", *CURVE, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
    _openssl("x509", "-req", "-in", request, "-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial",
             "-CAserial", folder / f"{name}.srl", "-out", made.certificate, "-days", days, "-extfile", extensions)
    with open(made.certificate, "a", encoding="utf-8") as file:
        file.write(authority.certificate.read_text(encoding="utf-8"))
    return made


def hub_authority(hub) -> Pair:
    """The authority of a running hub, from its state folder."""
    key = next(hub.state.rglob("ca.key"))
    return Pair(key.with_suffix(".crt"), key)


def hub_server(hub) -> Pair:
    """The hub's own server certificate."""
    key = next(hub.state.rglob("server.key"))
    return Pair(key.with_suffix(".crt"), key)
