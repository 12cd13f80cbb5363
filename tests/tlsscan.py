"""What scanners of TLS find at a port: sslyze, and the client of OpenSSL."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OLD = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1")
NEW = ("tls_1_2", "tls_1_3")
STRONG = re.compile(
    r"TLS_(ECDHE_(ECDSA|RSA)_WITH_)?(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA(256|384)"
)
_SSLYZE = (
    "--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--compression",
    "--reneg", "--heartbleed", "--json_out=-",
)  # fmt: skip


def scanner() -> str:
    """Return the path of sslyze, which `make` puts into an environment beside that of the tests."""
    beside = Path(sys.prefix) / "scan/bin/sslyze"
    found = str(beside) if beside.exists() else shutil.which("sslyze")
    if found is None:
        assert "CI" not in os.environ, "sslyze is not installed: make .venv/.scan"
        pytest.skip("needs sslyze, and it is not installed: make .venv/.scan")
    return found


def scan(*ports: int) -> dict[int, dict[str, Any]]:
    """Return by port what sslyze found."""
    targets = [f"localhost:{port}" for port in ports]
    done = subprocess.run(
        [scanner(), *_SSLYZE, *targets], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["server_scan_results"]
    assert {one["scan_status"] for one in found} == {"COMPLETED"}
    results = {
        one["server_location"]["port"]: {
            name: attempt["result"]
            for name, attempt in one["scan_result"].items()
            if attempt["status"] == "COMPLETED"
        }
        for one in found
    }
    assert set(results) == set(ports)
    return results


def check(result: dict[str, Any]) -> None:
    """Fail unless a port takes TLS 1.2 and 1.3 alone, with strong ciphers alone."""
    taken = {
        version: [suite["cipher_suite"]["name"] for suite in
                  result[f"{version}_cipher_suites"]["accepted_cipher_suites"]]
        for version in (*OLD, *NEW)
    }  # fmt: skip
    assert [version for version in taken if taken[version]] == list(NEW)
    weak = [name for names in taken.values() for name in names if not STRONG.fullmatch(name)]
    assert not weak
    assert not result["tls_compression"]["supports_compression"]
    assert not result["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"]
    assert not result["heartbleed"]["is_vulnerable_to_heartbleed"]


def openssl(port: int, ca: Path, *words: str) -> bool:
    """Return whether `openssl s_client` comes to a handshake and trusts the certificate."""
    command = ("openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", str(ca))
    done = subprocess.run(
        [*command, "-verify_return_error", "-brief", *words],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    return done.returncode == 0 and b"Verification: OK" in done.stdout + done.stderr
