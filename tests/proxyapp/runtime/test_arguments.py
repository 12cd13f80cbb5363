"""The command line, in the forms that operators of the origin know."""

from __future__ import annotations

import pytest

from proxyapp.runtime.arguments import UsageError, link_parameters, parse, usage

PROXY = ["-app", "site-1", "-host", "master", "-port", "2020"]


def test_a_master_needs_no_parameters() -> None:
    arguments = parse("master", [])
    assert (arguments.application, arguments.web_port, arguments.web) == ("confserv", 8080, True)


@pytest.mark.parametrize(
    "words",
    [
        PROXY,
        ["--app", "site-1", "--host", "master", "--port", "2020"],
        ["--app=site-1", "-host=master", "--port=2020"],
    ],
)
def test_one_dash_and_two_mean_the_same(words: list[str]) -> None:
    arguments = parse("proxy", words)
    assert arguments.application == "site-1"
    assert (arguments.master_host, arguments.master_port) == ("master", 2020)


def test_every_parameter_is_taken_over() -> None:
    more = ["-secret", "/s", "-transport-address", "10.0.0.1", "-transport-port", "4000"]
    more += ["-web-port", "1", "-status-port", "2", "-address", "::1", "--no-web"]
    arguments = parse("proxy", [*PROXY, *more, "-insecure-link"])
    assert (arguments.secret_file, arguments.transport_address) == ("/s", "10.0.0.1")
    assert (arguments.transport_port, arguments.web_port, arguments.status_port) == (4000, 1, 2)
    assert (arguments.address, arguments.web, arguments.insecure_link) == ("::1", False, True)


def test_parameters_without_meaning_are_named_as_ignored() -> None:
    words = ["-l", "7260@host", "-nco", "6/10", "-lmspath", "/x", "-sptime", "-log-expire", "3"]
    assert parse("master", words).ignored == ("-l", "-nco", "-lmspath", "-sptime", "-log-expire")


def test_an_optional_value_is_not_the_next_parameter() -> None:
    assert parse("master", ["-nco", "-app", "other"]).application == "other"


def test_log_options_choose_level_and_files() -> None:
    arguments = parse("master", ["-log-verbose", "debug", "-log-all", "a.log", "-log-standard=b"])
    assert arguments.verbose == "debug"
    assert arguments.log_files == {"all": "a.log", "standard": "b"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([*PROXY, "-loops"], "there is no parameter -loops"),
        ([*PROXY, "stray"], "'stray' is not a parameter"),
        (["-app"], "-app needs a value"),
        (["-app", "x", "-host", "h"], "-port must be given"),
        ([], "-app and -host and -port must be given"),
        (["-app", "x", "-host", "h", "-port", "ten"], "give a number from 1 to 65535"),
        (["-app", "x", "-host", "h", "-port", "70000"], "give a number from 1 to 65535"),
        ([*PROXY, "-log-verbose", "loud"], "choose from all, debug"),
        ([*PROXY, "-log-all"], "-log-all needs a value"),
    ],
)
def test_mistakes_are_refused_with_their_reason(words: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse("proxy", words)


@pytest.mark.parametrize("word", ["-V", "-v"])
def test_the_version_needs_no_other_parameter(word: str) -> None:
    assert parse("proxy", [word]).show_version


def test_the_usage_names_every_parameter_that_has_an_effect() -> None:
    text = usage("proxy")
    for word in ("-app", "-host", "-port", "-secret", "-transport-address", "-log-verbose"):
        assert f"{word} " in text


def test_a_master_writes_its_changes_to_a_file() -> None:
    arguments = parse("master", ["-dumpauditxml", "audit.xml", "-last", "30"])
    assert (arguments.audit_file, arguments.audit_days) == ("audit.xml", 30)
    assert parse("master", ["-dumpauditxml", "audit.xml"]).audit_days == 0


@pytest.mark.parametrize("words", [["-last", "3"], ["-dumpauditxml", "f", "-last", "0"]])
def test_days_are_those_of_a_file(words: list[str]) -> None:
    with pytest.raises(UsageError, match="-last"):
        parse("master", words)


def test_what_is_said_of_the_link_has_the_names_of_transport_parameters() -> None:
    words = ["-tls", "-trusted-ca", "/ca.pem", "-tls-crl", "/crl.pem", "-certificate", "/c.pem"]
    words += ["-certificate-key", "/k.pem", "-tls-target-name-check", "balancer"]
    words += ["-transport-address", "10.0.0.1", "-transport-port", "4000"]
    assert link_parameters(parse("proxy", [*PROXY, *words])) == {
        "tls": "1",
        "trusted-ca": "/ca.pem",
        "tls-crl": "/crl.pem",
        "certificate": "/c.pem",
        "certificate-key": "/k.pem",
        "tls-target-name-check": "balancer",
        "address": "10.0.0.1",
        "port": "4000",
    }
    assert link_parameters(parse("proxy", PROXY)) == {}
