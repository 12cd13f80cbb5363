"""How confctl reaches its server: TLS, and from which local address."""

from __future__ import annotations

import argparse
from typing import Any

from confwire.tls import client_context

UNCHECKED = "no"


def define(parser: argparse.ArgumentParser, port: Any) -> None:
    """Add the options; `port` parses a port number."""
    group = parser.add_argument_group("transport")
    group.add_argument("--tls", action="store_true", help="connect by TLS")
    group.add_argument(
        "--trusted-ca", default="", metavar="FILE",
        help="the CA of the server's certificate (those of the system)",
    )  # fmt: skip
    group.add_argument(
        "--tls-crl", default="", metavar="FILE", help="the CA's list of revoked certificates"
    )
    group.add_argument(
        "--tls-target-name-check", default="host", metavar="NAME",
        help="whom the certificate must be for: host, no, or another name (host)",
    )  # fmt: skip
    group.add_argument(
        "--certificate", default="", metavar="FILE",
        help="the own certificate, where the server asks for one",
    )  # fmt: skip
    group.add_argument("--certificate-key", default="", metavar="FILE", help="its key")
    group.add_argument(
        "--transport-address", default="", metavar="ADDRESS", help="local address to go out from"
    )
    group.add_argument(
        "--transport-port", type=port, default=0, metavar="PORT", help="local port to go out from"
    )


def check(arguments: argparse.Namespace) -> str:
    """Return what of the options makes no sense; "" when all does."""
    files = (arguments.trusted_ca, arguments.tls_crl, arguments.certificate)
    if any(files) and not arguments.tls:
        return "--trusted-ca, --tls-crl and --certificate are for TLS: give --tls, too"
    return ""


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `Client.connect` must know of the transport.

    Raises:
        TlsError: a file cannot be used.
    """
    options: dict[str, Any] = {}
    target = arguments.tls_target_name_check
    if arguments.tls:
        options["tls"] = client_context(
            trusted_ca=arguments.trusted_ca,
            crl=arguments.tls_crl,
            certificate=arguments.certificate,
            certificate_key=arguments.certificate_key,
            check_name=target != UNCHECKED,
        )
        if target not in ("host", UNCHECKED):
            options["tls_name"] = target
    if arguments.transport_address or arguments.transport_port:
        options["local_address"] = (arguments.transport_address, arguments.transport_port)
    return options
