"""What confctl does, and how it fails: one line that says what to do, and an exit code."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from confwire.cli import backthen, transport
from confwire.cli.accounts import Failure, password_of, reason_of, secret_of
from confwire.cli.arguments import UsageError, parse
from confwire.cli.given import bytes_of, json_object
from confwire.cli.rights import READ, rights_json, rights_line
from confwire.cli.text import (
    OPTION_FIELDS,
    change_line,
    connection_text,
    default_fields,
    entry_line,
    field_of,
    freshness_text,
    name_of,
    past_line,
    shown,
    table,
    value_text,
)
from confwire.client import (
    Bounds,
    Client,
    LinkLost,
    Notification,
    ObjectChange,
    ObjectRights,
    Packet,
    Reconnect,
    SiteRule,
    State,
    Status,
    TlsFailed,
    Written,
)
from confwire.client.logins import MECHANISMS
from confwire.errors import WireError
from confwire.objects import BY_NAME
from confwire.tls import TlsError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
_LASTING = ("watch", "watch-rights")  # they say what becomes of the connection


def main(words: Sequence[str] | None = None) -> int:
    """Run confctl and return its exit code."""
    if sys.stderr is None:  # closed by who called; print would take standard output instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        return _complain("standard output is closed: send it to a file or to /dev/null", FAILED)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = parse(sys.argv[1:] if words is None else words)
        asyncio.run(_run(arguments))
        sys.stdout.flush()
    except UsageError as error:
        return _complain(str(error), MISUSED)
    except (TlsFailed, TlsError) as error:
        return _complain(str(error), FAILED)
    except LinkLost as error:
        return _complain(f"{error}: check -host and -port", FAILED)
    except (Failure, WireError) as error:
        return _complain(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough; nothing may be written at exit either.
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        return _complain(f"cannot write the output: {reason_of(error)}", FAILED)
    return 0


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str, code: int) -> int:
    print(f"confctl: {text}", file=sys.stderr)
    return code


async def _run(arguments: Namespace) -> None:
    secret = secret_of(arguments.secret_file) if arguments.secret_file else ""
    ticket = arguments.mechanism == "kerberos"
    password = "" if secret or ticket else password_of(arguments)
    client = await Client.connect(
        [(arguments.host, arguments.port), *arguments.backup],
        application=arguments.app,
        user="" if secret else arguments.user,
        password=password,
        secret=secret,
        mechanism=MECHANISMS[arguments.mechanism],
        service=arguments.service,
        request_timeout=arguments.timeout,
        reconnect=Reconnect(arguments.attempts, arguments.reconnect_timeout),
        backup_site=arguments.backup_site,
        site_rule=SiteRule(
            proof=arguments.return_after, most_proof=max(arguments.return_after, 3600.0)
        ),
        on_status=_Reporter() if arguments.command in _LASTING else None,
        **transport.options_of(arguments),
    )
    async with client:
        await _COMMANDS[arguments.command](client, arguments)


# ---------------------------------------------------------------- commands


async def _read(client: Client, arguments: Namespace) -> None:
    if arguments.at is not None:
        await _read_past(client, arguments)
        return
    kind, fields = arguments.type, arguments.fields
    packets = client.read_packets(
        kind,
        dict(arguments.filter),
        limit=arguments.limit,
        order=arguments.order,
        after=arguments.after,
        after_name=arguments.after_name,
        freshness=_freshness_of(arguments),
    )
    last: Packet | None = None
    documents: list[dict[str, Any]] = []
    async for packet in packets:
        last = packet
        if arguments.json:
            for document in packet.objects:
                _print_json(_chosen(document, fields) if fields else document)
        else:
            documents += packet.objects
    if last is not None and last.age is not None:
        _note(freshness_text(last))
    if not arguments.json:
        _print_table(fields or default_fields(kind), documents)


def _print_table(titles: Sequence[str], documents: Sequence[Mapping[str, Any]]) -> None:
    rows = [[value_text(field_of(document, title)) for title in titles] for document in documents]
    for line in table(titles, rows):
        print(line)


async def _read_past(client: Client, arguments: Namespace) -> None:
    everything = arguments.type == backthen.EVERYTHING
    at, fields = arguments.at, arguments.fields
    documents: list[dict[str, Any]] = []
    for kind in BY_NAME if everything else [arguments.type]:
        async for page in backthen.read(client, kind, at, dict(arguments.filter)):
            at = page.revision  # all types as of the same
            for document in page.objects if arguments.json else ():
                chosen = _chosen(document, fields) if fields else document
                _print_json({"objectType": kind, "object": chosen} if everything else chosen)
            if not arguments.json:
                documents += page.objects
    if not arguments.json:
        _print_table(fields or default_fields(arguments.type), documents)
    _note(f"as of {page.epoch}:{page.revision}")


async def _diff(client: Client, arguments: Namespace) -> None:
    pages = backthen.compare(client, arguments.type, arguments.at, arguments.until, arguments.words)
    count = 0
    async for page in pages:
        for change in page.changes:
            count += 1
            if arguments.json:
                _print_json({"from": page.revision, "to": page.until} | _parts_of(change))
            else:
                print("\n".join(backthen.lines(change)))
    if not count and not await backthen.knows(client, arguments.type, page, arguments.words):
        which = " ".join(arguments.words)
        raise Failure(f"there was no {arguments.type} {which}, then or later: check the name")
    verb = "differ" if count > 1 else "differs"
    _note(f"{count or 'nothing'} {verb} between revisions {page.revision} and {page.until}")


def _freshness_of(arguments: Namespace) -> bool | Bounds:
    floor = arguments.min_revision
    if floor is None and arguments.max_age is None:
        return bool(arguments.freshness)
    return Bounds(
        min_revision=floor.revision if floor is not None else 0,
        epoch=floor.epoch if floor is not None else "",
        max_age=arguments.max_age,
        wait=arguments.wait,
    )


def _chosen(document: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: field_of(document, name) for name in fields}


async def _watch(client: Client, arguments: Namespace) -> None:
    words = arguments.words
    watch = await client.watch(
        [word for word in words if "=" not in word],
        filter=dict(word.split("=", 1) for word in words if "=" in word),
        tenants=arguments.tenant,
        folders=arguments.folder,
        objects=arguments.object,
        mode="state" if arguments.state else "log",
        snapshot=arguments.snapshot,
        since=arguments.since,
    )
    began, server = watch.received, client.server
    if began is not None and server is not None:
        who = f"{server.application} ({server.mode})"
        _note(f"watching {who} from {began.epoch}:{began.revision}")
    names = _Names(client)
    async for notification in watch:
        now = datetime.now().astimezone()
        if arguments.json:
            _print_changes_as_json(notification, now)
        else:
            await _print_changes(notification, names, now)
        sys.stdout.flush()


async def _print_changes(notification: Notification, names: _Names, now: datetime) -> None:
    if notification.reset:
        count = len(notification.changes)
        print(f"{now:%H:%M:%S}  {notification.revision}  all data anew: {count} objects")
    for change in notification.changes:
        print(change_line(notification, change, await names.of(change), now))


def _print_changes_as_json(notification: Notification, now: datetime) -> None:
    common = {
        "time": now.isoformat(timespec="milliseconds"),
        "epoch": notification.epoch,
        "revision": notification.revision,
    }
    if notification.reset:
        _print_json({**common, "reset": True, "objects": len(notification.changes)})
    for change in notification.changes:
        _print_json(common | _parts_of(change))


def _parts_of(change: ObjectChange) -> dict[str, Any]:
    parts = {"object": change.object, "delta": change.delta, "former": change.former}
    named = {"change": change.kind, "objectType": change.object_type, "DBID": change.dbid}
    return named | {name: part for name, part in parts.items() if part is not None}


async def _watch_rights(client: Client, arguments: Namespace) -> None:
    watch = await client.watch_permissions(arguments.objects)
    if client.server is not None:
        _note(f"watching rights at {client.server.application} ({client.server.mode})")
    names, told = _Names(client), dict[tuple[str, int], ObjectRights]()
    async for change in watch:
        now = datetime.now().astimezone()
        for rights in change.objects:
            key = (rights.object_type, rights.dbid)
            if arguments.json:
                _print_json(rights_json(change, rights, now))
            else:
                name = await names.at(*key) if rights.mask & READ else ""
                print(rights_line(change, rights, told.get(key), name, now))
            told[key] = rights
        sys.stdout.flush()


async def _history(client: Client, arguments: Namespace) -> None:
    begin = None
    if arguments.last is not None:
        begin = datetime.now(UTC) - timedelta(seconds=arguments.last)
    history = await client.history(since=arguments.since, since_time=begin)
    names = _Names(client)
    for past in history.changes:
        if arguments.json:
            time = past.at.astimezone().isoformat(timespec="milliseconds")
            common = {"time": time, "epoch": history.epoch, "revision": past.revision}
            _print_json(common | {"by": past.by} | _parts_of(past.change))
        else:
            print(past_line(past, await names.of(past.change)))
    for entry in history.entries:
        if arguments.json:
            _print_json(msgspec.to_builtins(entry))
        else:
            print(entry_line(entry))
    _note(f"all up to {history.epoch}:{history.revision}")


class _Names:
    """Names of objects, learnt from notifications and asked for where those do not tell."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, int], str] = {}

    async def of(self, change: ObjectChange) -> str:
        """Return the name of a changed object, empty where nobody knows it."""
        key = (change.object_type, change.dbid)
        told = name_of(change.object) or name_of(change.delta)
        if told:
            self._known[key] = told
        elif change.kind == "updated":
            return await self.at(*key)
        return self._known.get(key, "")

    async def at(self, object_type: str, dbid: int) -> str:
        """Return the name of an object that is there."""
        key = (object_type, dbid)
        if key not in self._known:
            found = await self._client.brief(object_type, {"dbid": dbid})
            self._known[key] = name_of(found[0]) if found else ""
        return self._known[key]


class _Reporter:
    """Says on standard error what becomes of the connection once it was open."""

    def __init__(self) -> None:
        self._last: Status | None = None

    def __call__(self, status: Status) -> None:
        if self._last is not None or status.state is State.OPEN:
            text = connection_text(self._last, status)
            if text:
                _note(text)
            self._last = status


def _note(text: str) -> None:
    print(f"confctl: {text}", file=sys.stderr, flush=True)


async def _status(client: Client, arguments: Namespace) -> None:
    info = await client.server_info()
    found = msgspec.to_builtins(info)
    if arguments.json:
        _print_json({name: found[name] for name in found if name not in ("message", "ref")})
        return
    server = info.server
    lines = {
        "application": f"{server.application} (DBID {server.dbid})",
        "member": server.member,
        "release": server.release,
        "mode": server.mode,
        "backup": f"{server.backup_host}:{server.backup_port}" if server.backup_host else "",
        "master": f"{server.master_host}:{server.master_port}" if server.master_host else "",
        "link to master": info.link,
        "data age": f"{info.age:.0f} s" if info.age else "",
        "data source": info.source,
        "epoch": info.epoch,
        "revision": str(info.revision),
        "tree hash": info.tree_hash,
        "objects": str(info.objects or ""),
        "sessions": str(info.sessions),
    }
    for name, text in lines.items():
        if text:
            print(f"{name:<14}  {text}")


async def _secrets(client: Client, arguments: Namespace) -> None:
    values = await client.secrets(arguments.type, arguments.dbid)
    if arguments.json:
        _print_json({"objectType": arguments.type, "DBID": arguments.dbid, "values": values})
        return
    for field, sections in values.items():
        for section, options in sections.items():
            for option, value in options.items():
                place = f"{OPTION_FIELDS[field]}{section}/{option}"
                print(f"{shown(place)}: {value_text(value)}")


async def _drain(client: Client, arguments: Namespace) -> None:
    _report_sent_away(arguments, await client.drain(), "the server ends")


async def _switch_over(client: Client, arguments: Namespace) -> None:
    done = await client.switch_over()
    if arguments.json:
        _print_json({"done": "switchover", "server": done.server, "term": done.term})
    else:
        print(f"{done.server} leads now, in term {done.term}")


async def _shed(client: Client, arguments: Namespace) -> None:
    _report_sent_away(arguments, await client.shed(arguments.percent), "of other clients")


async def _disconnect(client: Client, arguments: Namespace) -> None:
    await client.disconnect(arguments.session)
    _report_sent_away(arguments, 1, "disconnected")


def _report_sent_away(arguments: Namespace, count: int, text: str) -> None:
    if arguments.json:
        _print_json({"done": arguments.command, "sessions": count})
    else:
        print(f"{count} session{'' if count == 1 else 's'} sent away: {text}")


async def _create(client: Client, arguments: Namespace) -> None:
    document = json_object(arguments.source, bytes_of(arguments.source))
    written = await client.create(arguments.type, document, folder=arguments.folder)
    _report(arguments, "created", written)


async def _update(client: Client, arguments: Namespace) -> None:
    given = arguments.delta
    data = bytes_of("-") if given == "-" else given.encode("utf-8", "surrogateescape")
    delta = json_object("standard input" if given == "-" else "the delta", data)
    written = await client.update(arguments.type, arguments.dbid, delta)
    _report(arguments, "updated", written)


async def _set(client: Client, arguments: Namespace) -> None:
    wanted = arguments.filter
    found = await client.brief(arguments.type, wanted, limit=2)
    if len(found) != 1:
        which = " ".join(f"{key}={value}" for key, value in wanted.items())
        number = "several objects match" if found else "no object matches"
        raise Failure(f"{number} {arguments.type} {which}: name one, by dbid=NUMBER if need be")
    written = await client.update(arguments.type, found[0]["DBID"], arguments.delta)
    _report(arguments, "updated", written)


async def _delete(client: Client, arguments: Namespace) -> None:
    written = await client.delete(arguments.type, arguments.dbid)
    _report(arguments, "deleted", written)


def _report(arguments: Namespace, verb: str, written: Written) -> None:
    dbid, revision = written.dbid, written.revision
    verb = "unchanged" if written.unchanged else verb
    if arguments.json:
        line = {"done": verb, "objectType": arguments.type, "DBID": dbid, "revision": revision}
        line |= {"object": written.object} if written.object is not None else {}
        _print_json(line | ({"warnings": written.warnings} if written.warnings else {}))
        return
    why = ": it is so already" if written.unchanged else ""
    print(f"{verb} {arguments.type} {dbid}, revision {revision}{why}")
    for warning in written.warnings:
        _note(f"warning: {warning}")


# ---------------------------------------------------------------- output


def _print_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")


_COMMANDS = {
    "read": _read,
    "watch": _watch,
    "watch-rights": _watch_rights,
    "history": _history,
    "diff": _diff,
    "status": _status,
    "secrets": _secrets,
    "drain": _drain,
    "switchover": _switch_over,
    "shed": _shed,
    "disconnect": _disconnect,
    "write create": _create,
    "write update": _update,
    "write set": _set,
    "write delete": _delete,
}
