"""The example of a proxy in the documentation is valid."""

import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "docs" / "nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx_accepts_the_example(tmp_path):
    openssl = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=x", "-days", "1"]
    subprocess.run(
        [*openssl, "-keyout", tmp_path / "xray.key", "-out", tmp_path / "xray.pem"], check=True, capture_output=True
    )
    text = EXAMPLE.read_text().replace("/etc/nginx/xray", f"{tmp_path}/xray")
    config = f"events {{}}\npid {tmp_path}/pid;\nerror_log stderr;\nhttp {{ access_log off;\n{text} }}\n"
    (tmp_path / "nginx.conf").write_text(config)
    done = subprocess.run(
        [NGINX, "-t", "-c", tmp_path / "nginx.conf", "-p", tmp_path], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
