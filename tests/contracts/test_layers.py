"""The layer contracts keep up with the tree: nothing present is optional, nothing pure escapes."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What may touch sockets and clocks in confwire; all its other modules are pure.
SHELLS = {"confwire.cli", "confwire.client", "confwire.tls"}


@pytest.fixture(scope="module")
def contracts() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def modules_in(folder: str) -> set[str]:
    """Return the dotted names of the modules and packages directly in a folder."""
    entries = (ROOT / folder).iterdir()
    return {
        f"{folder}.{entry.stem}"
        for entry in entries
        if entry.stem not in ("__init__", "__pycache__")
        and (entry.suffix == ".py" or (entry / "__init__.py").is_file())
    }


@pytest.mark.parametrize("name", ["packages", "proxyapp", "historylog", "engine", "confwire"])
def test_a_layer_that_exists_is_not_optional(contracts: ConfigParser, name: str) -> None:
    contract = contracts[f"importlinter:contract:{name}"]
    container = contract.get("containers", "").replace(".", "/")
    optional = re.findall(r"\((\w+)\)", contract["layers"])
    existing = [
        layer for layer in optional if list((ROOT / container).glob(f"{layer}/__init__.py"))
    ]
    existing += [layer for layer in optional if (ROOT / container / f"{layer}.py").is_file()]
    assert not existing


def test_all_of_confwire_but_its_shells_is_pure(contracts: ConfigParser) -> None:
    pure = set(contracts["importlinter:contract:pure"]["source_modules"].split())
    assert modules_in("confwire") - SHELLS <= pure


def test_every_package_with_code_is_checked(contracts: ConfigParser) -> None:
    checked = set(contracts["importlinter"]["root_packages"].split())
    # Nothing imports the benchmarks; they may use all.
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"}
    assert packages <= checked
