"""Keys are equal when they name one object, and are shown as people know them."""

from __future__ import annotations

import pytest

from confwire.objects import ObjectType
from proxyapp.services.environments.natural_keys import NaturalKey, folder_key, tenant_key

T = ObjectType
ENVIRONMENT = tenant_key("Environment")
SWITCH = NaturalKey(T.SWITCH, (ENVIRONMENT, "S"))


@pytest.mark.parametrize(
    ("key", "label"),
    [
        (ENVIRONMENT, "tenant [Environment]"),
        (SWITCH, "switch [Environment/S]"),
        (NaturalKey(T.PHYSICAL_SWITCH, ("P",)), "physicalswitch [P]"),
        (NaturalKey(T.ROLE, (ENVIRONMENT, "R")), "role [R]"),
        (NaturalKey(T.PERSON, (ENVIRONMENT, "007")), "person [Environment/007]"),
        (
            NaturalKey(T.DN, (ENVIRONMENT, SWITCH, "1", "Extension", "N")),
            "dn [number: '1', switch: 'S', type: 'Extension', name: 'N', tenant: 'Environment']",
        ),
        (
            NaturalKey(T.DN, (ENVIRONMENT, SWITCH, "1", "Extension", None)),
            "dn [number: '1', switch: 'S', type: 'Extension', tenant: 'Environment']",
        ),
        (
            NaturalKey(T.TRANSACTION, (ENVIRONMENT, "list", "N")),
            "transaction [name: 'N', type: 'list', tenant: 'Environment']",
        ),
        (
            NaturalKey(T.AGENT_LOGIN, (ENVIRONMENT, SWITCH, "1")),
            "agentlogin [loginCode: '1', switch: 'Environment/S']",
        ),
        (
            folder_key("agentGroup", SWITCH, ["A", "B"]),
            "folder [type: 'agentgroup', owner: 'switch/Environment/S', path: 'A/B']",
        ),
    ],
)
def test_labels(key: NaturalKey, label: str) -> None:
    assert str(key) == label


def test_case_and_composition_make_no_difference() -> None:
    composed, decomposed = "Caf\u00e9", "CAFE\u0301"
    assert NaturalKey(T.SKILL, (tenant_key("environment"), composed)) == NaturalKey(
        T.SKILL, (ENVIRONMENT, decomposed)
    )


def test_types_and_owners_make_a_difference() -> None:
    keys = {
        NaturalKey(T.SKILL, (ENVIRONMENT, "A")),
        NaturalKey(T.PLACE, (ENVIRONMENT, "A")),
        NaturalKey(T.SKILL, (tenant_key("Other"), "A")),
    }
    assert len(keys) == 3
