"""The command line: both dash forms, and clear words about what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from confwire.cli.accounts import Failure
from confwire.cli.arguments import UsageError, option_delta, parse
from confwire.client import Cursor, ObjectId

ME = ["-user", "me"]


def test_a_look_back_begins_at_a_cursor_or_within_a_time():
    user = ["--user", "anna"]
    assert parse(["history", "-last", "2h", *user]).last == 7200
    assert parse(["history", "--since", "e:7", *user]).since == Cursor("e", 7)
    assert parse(["history", *user]).last is None
    for words in (["--last", "2"], ["--last", "2h", "--since", "e:7"]):
        with pytest.raises(UsageError):
            parse(["history", *words, *user])


def test_one_dash_and_two_are_the_same():
    single = parse("read host -host h -port 1 -app a -user u -limit 3 -json".split())
    double = parse("read host --host h --port 1 --app a --user u --limit 3 --json".split())
    assert vars(single) == vars(double)
    assert (single.command, single.type, single.host, single.port) == ("read", "host", "h", 1)
    assert (single.app, single.user, single.limit, single.json) == ("a", "u", 3, True)


def test_the_usual_places_are_the_defaults():
    arguments = parse(["status", *ME])
    assert (arguments.host, arguments.port, arguments.app) == ("localhost", 2020, "default")
    assert (arguments.backup, arguments.timeout) == ([], 60.0)


def test_backups_may_be_several():
    words = ["status", *ME, "-backup", "b:1", "--backup", "[::1]:2"]
    assert parse(words).backup == [("b", 1), ("::1", 2)]


def test_the_way_to_other_servers_can_be_chosen():
    words = "-backup-site b:1 -return-after inf -attempts 3 -reconnect-timeout 2.5".split()
    arguments = parse(["status", *ME, *words])
    assert (arguments.backup_site, arguments.return_after) == ([("b", 1)], float("inf"))
    assert (arguments.attempts, arguments.reconnect_timeout) == (3, 2.5)


def test_a_read_takes_filter_keys_and_fields():
    arguments = parse(["read", "host", "name=a=b", "--fields", "DBID,osInfo.type", "x=", *ME])
    assert arguments.filter == [("name", "a=b"), ("x", "")]
    assert arguments.fields == ["DBID", "osInfo.type"]


def test_a_read_may_be_bound_to_a_revision_and_an_age():
    found = parse(["read", "host", "-min-revision", "7", "-max-age", "0", "-wait", "1.5", *ME])
    assert (found.min_revision, found.max_age, found.wait) == (Cursor("", 7), 0.0, 1.5)
    assert parse(["read", "host", "-min-revision", "e:7", *ME]).min_revision == Cursor("e", 7)


def test_types_and_options_of_a_watch_may_be_mixed():
    words = "watch host -tenant 1 person --folder 5 -object dn:7 -since a:b:9 -state -snapshot"
    arguments = parse([*words.split(), *ME])
    assert arguments.words == ["host", "person"]
    assert (arguments.tenant, arguments.folder) == ([1], [5])
    assert arguments.object == [ObjectId("dn", 7)]
    assert arguments.since == Cursor("a:b", 9)
    assert arguments.state
    assert arguments.snapshot


def test_words_of_a_set_are_filter_keys_or_options():
    words = ["write", "set", "application", "name=x", "log/verbose=all=1", "annex:a/b=", *ME]
    arguments = parse([*words, "-unset", "log/all"])
    assert (arguments.command, arguments.filter) == ("write set", {"name": "x"})
    assert arguments.delta == {
        "options": {"log": {"verbose": "all=1", "all": None}},
        "userProperties": {"a": {"b": ""}},
    }


def test_a_type_without_options_has_only_its_annex():
    assert option_delta("skill", {"a/b/c": "1"}, []) == {"userProperties": {"a": {"b/c": "1"}}}


def test_writes_name_their_object():
    arguments = parse(["write", "delete", "host", "5", *ME])
    assert (arguments.command, arguments.type, arguments.dbid) == ("write delete", "host", 5)
    arguments = parse(["write", "update", "host", "5", "{}", *ME])
    assert (arguments.dbid, arguments.delta) == (5, "{}")
    arguments = parse(["write", "create", "host", "-", "-folder", "7", *ME])
    assert (arguments.source, arguments.folder) == ("-", 7)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["reed"], "there is no command 'reed': use one of read, watch"),
        (["write"], "there is no command 'write'"),
        (["write", "drop"], "there is no command 'write drop'"),
        (["read", *ME], r"required: TYPE \(see"),
        (["read", "host"], "say who you are: --user NAME, or --secret-file"),
        (["read", "host", "name", *ME], "a filter is key=value, such as name=NAME"),
        (["read", "host", "name=a", "name=b", *ME], "filter key 'name' is given twice"),
        (["read", "host", "-fields", "nam", *ME], "host has no field 'nam': use one of DBID, name"),
        (["read", "host", "-fields", "", *ME], "host has no field ''"),
        (["read", "host", "=x", *ME], "a filter is key=value"),
        (["read", "host", "-limit", "x", *ME], "a number of objects is from 1 on, not 'x'"),
        (["read", "host", "-limit", "-1", *ME], "a number of objects is from 1 on, not '-1'"),
        (["read", "host", "-wait", "61", *ME], "a server waits up to 60 seconds, not '61'"),
        (["read", "host", "--limi", "5", *ME], "unrecognized arguments: --limi"),
        (["status", "-port", "0", *ME], "a port is a number from 1 to 65535, not '0'"),
        (["status", "-backup", "b", *ME], "an address is HOST:PORT, not 'b'"),
        (["status", "-attempts", "0", *ME], "attempts are a number from 1 on, not '0'"),
        (["status", "-return-after", "x", *ME], "a time is a number of seconds above 0, not 'x'"),
        (["status", "--timeout", "nan", *ME], "a time is a number of seconds above 0, not 'nan'"),
        (["watch", "-object", "host", *ME], "an object is TYPE:DBID, not 'host'"),
        (["watch", "-since", "5", *ME], "a cursor is EPOCH:REVISION, not '5'"),
        (["read", "host", "-min-revision", "e:", *ME], r"a revision is \[EPOCH:\]REVISION, not"),
        (["read", "host", "-max-age", "-1", *ME], "a time is a number of seconds, not '-1'"),
        (["read", "host", "-max-age", "nan", *ME], "a time is a number of seconds, not 'nan'"),
        (["write", "delete", "host", "x", *ME], "a DBID is a number, not 'x'"),
        (["write", "set", "host", "n=x", "a/b=1", "a/b=2", *ME], "'a/b' is given twice"),
        (["write", "set", "host", "a/b=1", *ME], "say which object"),
        (["write", "set", "host", "name=x", *ME], "say what to set"),
        (["write", "set", "host", "n=x", "-secret", "a/b", *ME], "a secret is section/option=FILE"),
        (["write", "set", "host", "x", *ME], "'x' is neither key=value nor section/option"),
        (["write", "set", "host", "n=x", "/b=1", *ME], "an option is section/option, not '/b'"),
        (["write", "set", "host", "n=x", "-unset", "a", *ME], "an option is section/option"),
        (["status", "-limi", "5", *ME], "unrecognized arguments: --limi"),
        (["status", "-password", "secret", *ME], "unrecognized arguments: --password"),
    ],
)
def test_a_wrong_command_line_is_explained(words, text):
    with pytest.raises(UsageError, match=text):
        parse(words)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "usage: confctl COMMAND"),
        (["--help"], 0, "usage: confctl COMMAND"),
        (["-V"], 0, "confctl 1."),
        (["read", "--help"], 0, "usage: confctl read"),
        (["write", "--help"], 0, "usage: confctl COMMAND"),
        (["write", "set", "--help"], 0, "usage: confctl write set"),
    ],
)
def test_help_and_version_are_printed(words, code, text, capsys):
    with pytest.raises(SystemExit) as end:
        parse(words)
    assert end.value.code == code
    assert capsys.readouterr().out.startswith(text)


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("geheim\nmore")
    file.chmod(0o600)
    words = ["write", "set", "host", "name=x", "--secret", f"a/b={file}", *ME]
    assert parse(words).delta == {"userProperties": {"a": {"b": {"secret": "geheim"}}}}
    file.chmod(0o644)
    with pytest.raises(Failure, match="can be read by others"):
        parse(words)
    assert parse(["secrets", "host", "7", *ME]).dbid == 7
