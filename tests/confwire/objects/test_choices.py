"""The texts that fields choose from."""

from __future__ import annotations

import pytest

from confwire.objects import APP_TYPES, is_server_type


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "tserver"), (2, "statserver"), (19, "sce"), (21, "configserver"), (43, "scs"),
        (107, "genericserver"), (108, "genericclient"), (157, "interactionworkspace"),
        (165, "genesysadministrator"),
    ],
)  # fmt: skip
def test_application_types_have_the_numbers_of_the_origin(number, name):
    assert APP_TYPES[number] == name


def test_programs_for_people_are_no_servers():
    assert is_server_type("statserver")
    assert is_server_type("configserver")
    assert not is_server_type("sce")
    assert not is_server_type("genesysadministrator")
