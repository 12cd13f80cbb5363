"""The command line of confctl: what may be given, in single-dash and double-dash forms."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from confwire.cli import backthen, transport
from confwire.cli.accounts import secret_of
from confwire.cli.values import (
    address,
    age,
    attempts,
    count,
    cursor,
    dbid,
    object_id,
    pair,
    percent,
    period,
    port,
    revision,
    seconds,
    wait,
)
from confwire.client.logins import MECHANISMS
from confwire.messages import RELEASE
from confwire.objects import BY_NAME
from confwire.opaque import GIVEN

USAGE = """usage: confctl COMMAND [options]

commands:
  read TYPE [key=value ...]         read objects that match filter keys
  watch [TYPE ...] [key=value ...]  print changes as they happen
  watch-rights TYPE:DBID ...        print the own rights on objects, and then each change of them
  history [--since EPOCH:REVISION | --last TIME]
                                    print what was changed, and what became of the session
  diff TYPE|all [NAME|DBID|key=value ...] --at REVISION|TIME [--until REVISION|TIME]
                                    print what became of an object since
  status                            say how the server is
  secrets TYPE DBID                 print the secret options of an object
  drain                             send all clients elsewhere, then end the server
  switchover                        let the backup of the server's pair lead
  shed PERCENT                      send a part of the clients elsewhere
  disconnect SESSION                end a session
  write create TYPE FILE|-          create an object from a JSON document
  write update TYPE DBID DELTA|-    change an object by a JSON delta
  write set TYPE key=value ... section/option=value ...
                                    set options of one object
  write delete TYPE DBID            delete an object

`confctl COMMAND --help` lists the options of a command; each may have one dash or two.
The password comes from --password-file, from CONFCTL_PASSWORD or from a prompt."""

DEFAULT_PORT = 2020


class UsageError(Exception):
    """The command line cannot be used; the text says what is wrong with it."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else does."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words after `confctl`; `command` says which command it is.

    Raises:
        UsageError: they cannot be used.
        Failure: a file with a secret cannot be used.
        SystemExit: help or the version was asked for, and printed.
    """
    words = _two_dashes(words)
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        raise SystemExit(0 if words else 2)
    if words[0] == "write" and words[1:] and words[1] in ("-h", "--help"):
        print(USAGE)
        raise SystemExit(0)
    if words[0] in ("-V", "--version"):
        print(f"confctl {RELEASE}")
        raise SystemExit(0)
    count = 2 if words[0] == "write" else 1
    command = " ".join(words[:count])
    define = _COMMANDS.get(command)
    if define is None:
        raise UsageError(f"there is no command '{command}': use one of {', '.join(_COMMANDS)}")
    parser = _Parser(prog=f"confctl {command}", allow_abbrev=False)
    define(parser)
    _add_common(parser)
    arguments = parser.parse_intermixed_args(words[count:])
    arguments.command = command
    if command == "write set":
        arguments.filter, settings = _sorted_words(arguments.words)
        given = settings | _secrets_in(arguments.secret)
        arguments.delta = option_delta(arguments.type, given, arguments.unset)
    everything = command == "read" and arguments.type == backthen.EVERYTHING
    if everything and (arguments.at is None or not arguments.json):
        parser.error("all types at once are read with --at and --json")
    if command == "read":
        _check_read(parser, arguments)
    if text := transport.check(arguments):
        parser.error(text)
    if not arguments.user and not arguments.secret_file:
        parser.error("say who you are: --user NAME, or --secret-file FILE for an application")
    if arguments.mechanism == "kerberos" and not arguments.service:
        parser.error("say which service the ticket is for: --service SERVICE@HOST")
    return arguments


def _check_read(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse what would be answered with less, or with empty columns."""
    keys = [key for key, _ in arguments.filter]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        parser.error(f"filter key '{twice}' is given twice")
    info = BY_NAME.get(arguments.type)
    if info is None:
        return
    for field in arguments.fields or ():
        if field.partition(".")[0] not in info.by_name:
            known = ", ".join(info.by_name)
            parser.error(f"{arguments.type} has no field '{field}': use one of {known}")


def _two_dashes(words: Sequence[str]) -> list[str]:
    """Give every option two dashes; argparse would abbreviate those that have one."""
    return [
        f"-{word}" if re.match(r"-[a-z]{2}", word) else word  # not -h, and no negative number
        for word in words
    ]


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("server and account")
    group.add_argument("--host", default="localhost", help="the server (localhost)")
    group.add_argument("--port", type=port, default=DEFAULT_PORT, help="its port (2020)")
    group.add_argument(
        "--backup", type=address, action="append", default=[], metavar="HOST:PORT",
        help="another server for when the first cannot be reached; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--backup-site", type=address, action="append", default=[], metavar="HOST:PORT",
        help="a server of another site, for when this site cannot be reached; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--return-after", type=seconds, default=60.0, metavar="SECONDS",
        help="how long this site must answer before confctl comes back from the other (60)",
    )  # fmt: skip
    group.add_argument(
        "--attempts", type=attempts, default=1, metavar="N",
        help="tries on one server before the next one is tried (1)",
    )  # fmt: skip
    group.add_argument(
        "--reconnect-timeout", type=seconds, default=10.0, metavar="SECONDS",
        help="the most to wait between two tries (10)",
    )  # fmt: skip
    group.add_argument("--app", default="default", help="Application object (default)")
    group.add_argument("--user", default="", help="user name of a person")
    group.add_argument("--password-file", metavar="FILE", help="file with the password")
    group.add_argument(
        "--secret-file", metavar="FILE",
        help="file with the application's own secret, instead of a user",
    )  # fmt: skip
    group.add_argument(
        "--mechanism", choices=sorted(MECHANISMS), default="scram",
        help="prove the password by its keys (scram), send it (plain), or use a ticket (kerberos)",
    )  # fmt: skip
    group.add_argument(
        "--service", default="", metavar="SERVICE@HOST", help="principal that the ticket is for"
    )
    group.add_argument(
        "--timeout", type=seconds, default=60.0, metavar="SECONDS",
        help="how long to wait for an answer (60)",
    )  # fmt: skip
    group.add_argument("--json", action="store_true", help="one JSON value a line")
    transport.define(parser, port)


def _define_read(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="object type, such as application")
    parser.add_argument(
        "filter", metavar="key=value", nargs="*", type=pair, default=[], help="filter keys"
    )
    parser.add_argument(
        "--limit", type=count, default=0, metavar="N", help="at most so many objects"
    )  # fmt: skip
    parser.add_argument(
        "--order", choices=("DBID", "name"), default="DBID",
        help="what the objects are ordered by; by name needs a limit (DBID)",
    )  # fmt: skip
    parser.add_argument(
        "--after", type=dbid, default=0, metavar="DBID",
        help="only objects behind this one, the last of the page before",
    )  # fmt: skip
    parser.add_argument(
        "--after-name", default="", metavar="NAME", help="its name, where the order is by name"
    )  # fmt: skip
    parser.add_argument(
        "--min-revision", type=revision, metavar="[EPOCH:]REVISION",
        help="only data of this revision or a later one",
    )  # fmt: skip
    parser.add_argument(
        "--max-age", type=age, metavar="SECONDS",
        help="only data that was known to be current within this time",
    )  # fmt: skip
    parser.add_argument(
        "--wait", type=wait, default=2.0, metavar="SECONDS",
        help="how long the server may wait for such data, up to 60 (2)",
    )  # fmt: skip
    parser.add_argument(
        "--freshness", action="store_true", help="say how new the data is, on standard error"
    )  # fmt: skip
    parser.add_argument(
        "--fields", type=lambda text: text.split(","), metavar="A,B.C",
        help="fields to show, by their names in the document",
    )  # fmt: skip
    _define_at(parser, required=False)


def _define_at(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument(
        "--at", type=backthen.moment, required=required, metavar="REVISION|TIME",
        help="as it was at a revision or a time: ISO form, local time unless it says another, "
        "or such as '2h ago'",
    )  # fmt: skip


def _define_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="object type, such as application, or all")
    parser.add_argument(
        "words", metavar="NAME|DBID|key=value", nargs="*", default=[],
        help="one object, or what folder_dbid, tenant_dbid, name and dbid choose; else all",
    )  # fmt: skip
    _define_at(parser, required=True)
    parser.add_argument(
        "--until", type=backthen.moment, metavar="REVISION|TIME",
        help="up to when, in the same forms (now)",
    )  # fmt: skip


def _define_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", metavar="TYPE | key=value", nargs="*", default=[],
        help="object types; filter keys, for one type",
    )  # fmt: skip
    parser.add_argument(
        "--tenant", type=dbid, action="append", default=[], metavar="DBID",
        help="only objects of this tenant",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=dbid, action="append", default=[], metavar="DBID",
        help="only objects in this folder and below",
    )  # fmt: skip
    parser.add_argument(
        "--object", type=object_id, action="append", default=[],
        metavar="TYPE:DBID", help="only this object",
    )  # fmt: skip
    parser.add_argument(
        "--state", action="store_true",
        help="whole objects, the newest state only, instead of every change",
    )  # fmt: skip
    parser.add_argument("--snapshot", action="store_true", help="print what is there first")
    parser.add_argument(
        "--since", type=cursor, metavar="EPOCH:REVISION",
        help="begin with what happened after this revision",
    )  # fmt: skip


def _define_watch_rights(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print the account's rights on objects, and the grants on them where it may read those; "
        "then each change."
    )
    parser.add_argument(
        "objects", metavar="TYPE:DBID", nargs="+", type=object_id, help="up to 100 objects"
    )  # fmt: skip


def _define_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="object type, such as application")
    parser.add_argument(
        "source", metavar="FILE", help="file with a JSON document; - reads standard input"
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=dbid, default=0, metavar="DBID",
        help="where to put it; else the default folder of its type",
    )  # fmt: skip


def _define_update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="object type, such as application")
    parser.add_argument("dbid", metavar="DBID", type=dbid, help="number of the object")
    parser.add_argument(
        "delta", metavar="DELTA", help="the delta itself, JSON; - reads standard input"
    )


def _define_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="object type, such as application")
    parser.add_argument(
        "words", metavar="key=value | section/option=value", nargs="+",
        help="filter keys that name one object; options to set, annex:section/option=value "
        "in the annex",
    )  # fmt: skip
    parser.add_argument(
        "--unset", action="append", default=[], metavar="section/option",
        help="remove an option; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--secret", action="append", default=[], metavar="section/option=FILE",
        help="set an option to the first line of a file that only its owner can read, and keep it "
        "as a secret; may be repeated",
    )  # fmt: skip


def _define_object(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="object type, such as application")
    parser.add_argument("dbid", metavar="DBID", type=dbid, help="number of the object")


def _define_history(parser: argparse.ArgumentParser) -> None:
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--since", type=cursor, metavar="EPOCH:REVISION",
        help="only what happened after this revision",
    )  # fmt: skip
    when.add_argument(
        "--last", type=period, metavar="TIME",
        help="only what happened within this time, such as 90s, 10m, 2h or 7d",
    )  # fmt: skip


def _define_status(parser: argparse.ArgumentParser) -> None:
    parser.description = "Say who serves, from which data, and how current it is."


def _define_drain(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send all clients of the server elsewhere, then end it."


def _define_switchover(parser: argparse.ArgumentParser) -> None:
    parser.description = "Let the backup of the server's pair lead; its clients go there."


def _define_shed(parser: argparse.ArgumentParser) -> None:
    parser.description = "Send a part of the server's clients elsewhere."
    parser.add_argument("percent", metavar="PERCENT", type=percent, help="how many of 100")


def _define_disconnect(parser: argparse.ArgumentParser) -> None:
    parser.description = "End a session; its client may come back."
    parser.add_argument("session", metavar="SESSION", help="its id, as the status shows it")


_COMMANDS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "read": _define_read,
    "watch": _define_watch,
    "watch-rights": _define_watch_rights,
    "history": _define_history,
    "diff": _define_diff,
    "status": _define_status,
    "secrets": _define_object,
    "drain": _define_drain,
    "switchover": _define_switchover,
    "shed": _define_shed,
    "disconnect": _define_disconnect,
    "write create": _define_create,
    "write update": _define_update,
    "write set": _define_set,
    "write delete": _define_object,
}


# ---------------------------------------------------------------- values


def _sorted_words(words: Sequence[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Tell filter keys from options: these have a slash before the equals sign."""
    wanted: dict[str, str] = {}
    settings: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"'{word}' is neither key=value nor section/option=value")
        place = settings if "/" in key else wanted
        if key in place:
            raise UsageError(f"'{key}' is given twice")
        place[key] = value
    if not wanted:
        raise UsageError("say which object: key=value, such as name=NAME or dbid=NUMBER")
    return wanted, settings


def _secrets_in(words: Sequence[str]) -> dict[str, Any]:
    """Return the options that are to be secret, with what their files hold."""
    secrets = {}
    for word in words:
        place, equals, file = word.partition("=")
        if not (equals and file):
            raise UsageError(f"a secret is section/option=FILE, not '{word}'")
        secrets[place] = {GIVEN: secret_of(file)}
    return secrets


def option_delta(
    object_type: str, settings: Mapping[str, Any], unset: Sequence[str]
) -> dict[str, Any]:
    """Return the delta that sets and removes options, or the annex where a type has no options.

    Args:
        settings: "section/option" or "annex:section/option" -> value.
        unset: the same names, of what is to go.

    Raises:
        UsageError: a name has another form, or nothing is to be done.
    """
    info = BY_NAME.get(object_type)
    usual = "options" if info is None or "options" in info.by_name else "userProperties"
    delta: dict[str, Any] = {}
    for place, value in [*settings.items(), *((place, None) for place in unset)]:
        field = "userProperties" if place.startswith("annex:") else usual
        section, slash, option = place.removeprefix("annex:").partition("/")
        if not (section and slash and option):
            raise UsageError(f"an option is section/option, not '{place}'")
        delta.setdefault(field, {}).setdefault(section, {})[option] = value
    if not delta:
        raise UsageError(
            "say what to set: section/option=value, --secret section/option=FILE, or"
            " --unset section/option"
        )
    return delta
