"""What is told of options that a server would not take as they are."""

from __future__ import annotations

from proxyapp.models import Application
from proxyapp.services.optionfaults import faults_of

OPTIONS = {"csproxy": {"drain-time": "x"}}


def test_a_wrong_value_is_named_with_what_is_used_instead() -> None:
    (fault,) = faults_of(Application(type="configserver", options=OPTIONS))
    assert fault.startswith("option [csproxy] drain-time has the value 'x', which is not valid: ")
    assert fault.endswith(" is used")


def test_valid_and_unknown_options_have_no_fault() -> None:
    options = {"csproxy": {"drain-time": "5"}, "mine": {"drain-time": "x"}}
    assert faults_of(Application(type="configserver", options=options)) == []


def test_options_of_other_applications_are_their_own() -> None:
    assert faults_of(Application(type="sce", options=OPTIONS)) == []
