"""How the values of options are read."""

from __future__ import annotations

import pytest

from proxyapp.engine.settings import Settings


def test_without_values_the_defaults_count():
    settings = Settings({})
    assert settings.complaints == settings.notices == []
    assert settings["packet-size"] == 1_024_000


def test_the_servers_own_section_and_the_origins_are_read_and_the_own_one_goes_first():
    assert Settings({"confserv": {"packet-size": "5"}}).number("packet-size") == 5
    both = {"confserv": {"packet-size": "5"}, "csproxy": {"packet-size": 7}}
    assert Settings(both).number("packet-size") == 7
    assert Settings({"log": {"verbose": " ALL "}}).text("verbose") == "all"


@pytest.mark.parametrize("value", ["", "x", "0", "-5", "1.5", str(2**40), "9" * 5000])
def test_a_value_that_is_not_valid_is_complained_of_and_the_default_used(value):
    settings = Settings({"csproxy": {"packet-size": value}})
    assert settings.number("packet-size") == 1_024_000
    (complaint,) = settings.complaints
    assert "[csproxy] packet-size" in complaint


def test_a_choice_is_one_of_those_that_there_are():
    settings = Settings({"log": {"verbose": "loud"}})
    assert settings.text("verbose") == "standard"
    assert len(settings.complaints) == 1


def test_a_value_that_is_not_valid_does_not_hide_one_that_is():
    given = {"csproxy": {"packet-size": "x"}, "confserv": {"packet-size": "5"}}
    settings = Settings(given)
    assert settings.number("packet-size") == 5
    assert len(settings.complaints) == 1


def test_a_text_without_choices_is_taken_as_it_stands():
    settings = Settings({"history-log": {"all": " /var/lib/Site A/history "}})
    assert settings.text("all") == "/var/lib/Site A/history"
    assert settings.complaints == []


def test_a_flag_is_true_or_false():
    assert Settings({}).flag("active")
    assert not Settings({"history-log": {"active": "False"}}).flag("active")
    assert Settings({"history-log": {"active": "maybe"}}).flag("active")


@pytest.mark.parametrize(
    ("name", "lesser"), [("audit-expiration", "expiration"), ("audit-max-records", "max-records")]
)
@pytest.mark.parametrize("below", [0, 1])
def test_changes_are_kept_longer_than_the_option_beside_it_says(name, lesser, below):
    settings = Settings({"history-log": {lesser: "20", name: str(20 - below)}})
    assert (settings.number(lesser), settings.number(name)) == (20, 21)
    (complaint,) = settings.complaints
    assert complaint == (
        f"option [history-log] {name} has the value '{20 - below}', which is not greater than"
        f" {lesser}, 20: 21 is used"
    )
    enough = Settings({"history-log": {lesser: "20", name: "21"}})
    assert (enough.number(name), enough.complaints) == (21, [])


def test_changes_are_kept_longer_than_the_default_of_the_option_beside_it():
    settings = Settings({"history-log": {"audit-expiration": 7}})
    assert settings.number("audit-expiration") == 31
    assert len(settings.complaints) == 1


def test_an_option_without_effect_is_accepted_and_said_to_be_so():
    settings = Settings({"system": {"serialize-write-transactions": "true"}})
    assert settings.complaints == []
    (notice,) = settings.notices
    assert "serialize-write-transactions has no effect: transactions are committed one" in notice
