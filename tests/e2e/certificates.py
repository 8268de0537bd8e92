"""An authority of our own, and certificates of it, by openssl."""

import subprocess

CONFIG = """[ca]
default_ca = own
[own]
database = index
rand_serial = yes
unique_subject = no
policy = any
copy_extensions = copy
default_md = sha256
[any]
commonName = supplied
"""
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """`file` is what a client has to trust; certificates and their keys are made beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "authority.pem"
        (folder / "ca.conf").write_text(CONFIG)
        (folder / "index").touch()
        self._openssl("req", "-x509", *KEY, "-days", "2", "-subj", "/CN=The authority of the tests", "-keyout", "authority.key", "-out", "authority.pem")

    def issue(self, name, alternatives, begin=None, end=None):
        """NAME.pem and NAME.key for "DNS:...,IP:..."; valid today unless it says from when to when (YYYYMMDDHHMMSSZ)."""
        self._openssl("req", *KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternatives}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        when = ["-startdate", begin, "-enddate", end] if begin else ["-days", "2"]
        own = ["-config", "ca.conf", "-batch", "-notext", "-cert", "authority.pem", "-keyfile", "authority.key", "-outdir", "."]
        self._openssl("ca", *own, *when, "-in", f"{name}.csr", "-out", f"{name}.pem")

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)
