"""Writes the reference pages that are tables of the code: objects, filters, options and so on.

In the pages about speed it fills in what the benchmarks have found (`benchmarks/results`).

python docs/generate.py            write them
python docs/generate.py --check    fail when one of them is not as it would be written
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.bars import QUESTIONS  # noqa: E402
from confwire.objects import (  # noqa: E402
    APP_TYPES,
    OBJECTS,
    Field,
    Kind,
    ObjectInfo,
    ObjectType,
    is_server_type,
)
from proxyapp.engine.data import rights  # noqa: E402
from proxyapp.engine.data.filters import FilterKey, keys_of  # noqa: E402
from proxyapp.engine.figures import FIGURES, PREFIX  # noqa: E402
from proxyapp.engine.options import OPTIONS, WITHOUT_EFFECT, Option  # noqa: E402
from proxyapp.engine.transport import PARAMETERS  # noqa: E402
from proxyapp.engine.trust.accountrules import RULES  # noqa: E402
from proxyapp.engine.trust.ways import LIBRARY_OPTIONS  # noqa: E402

FOLDER = ROOT / "docs/reference"
NOTE = "<!-- Written by docs/generate.py from {source}: change that, then run `make docs`. -->"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one."""
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def code(text: object) -> str:
    return f"`{text}`"


def codes(names: Iterable[object]) -> str:
    return ", ".join(map(code, names))


# ---------------------------------------------------------------- objects

OBJECTS_HEAD = """\
# Object types

Every type of configuration object and the fields of its document. How documents travel is told in
[the wire protocol](protocol.md).

A field's **kind** is its form in a document, and the form of its step in a
[delta](protocol.md#9-deltas):

| kind | value |
|---|---|
| string | text |
| integer | whole number of 64 bits |
| boolean | `true` or `false` |
| choice | one of the texts that are listed |
| options | `{"section": {"option": text or integer}}` |
| map | `{"key": text}` |
| reference | DBID of an object of the type that is named; 0 or absent for none |
| references | list of such DBIDs, each once |
| identity | `{"objectType": type, "DBID": number}`: any object |
| identities | list of identities, each once |
| struct | a JSON object whose members are listed below it as `field.member` |
| structs | a list of such objects; with a *key*, the member that tells them apart |

**Mandatory** fields must be given at creation. **Fixed** fields cannot change afterwards.
**Derived** fields are computed by the server; what a client sends for them is ignored. The
*natural key* is what must be unique, whatever its case.
"""

KIND_NAMES = {
    Kind.REFERENCE: "reference to {target}",
    Kind.REFERENCES: "references to {target}",
}


def objects_page() -> Iterator[str]:
    """Yield the lines of objects.md."""
    yield from OBJECTS_HEAD.splitlines()
    yield ""
    yield "## All types"
    yield ""
    heads = ("number", "type", "in environment files", "title", "natural key")
    yield from table(heads, map(_type_row, OBJECTS.values()))
    for info in OBJECTS.values():
        yield f"## {info.name}"
        yield ""
        yield f"{info.title}, type {int(info.type)}."
        yield ""
        yield from table(("field", "kind", "notes"), _field_rows(info.fields))
    yield "## Application types"
    yield ""
    yield "Values of `application.type` and `appPrototype.type`. An application of a *daemon* type"
    yield "may have one session at a time and logs in by its own secret."
    yield ""
    yield from table(("number", "type", "daemon"), map(_app_type_row, enumerate(APP_TYPES)))


def _type_row(info: ObjectInfo) -> Sequence[str]:
    link = f"[`{info.name}`](#{info.name.lower()})"
    return str(int(info.type)), link, code(info.plural), info.title, codes(info.natural_key)


def _app_type_row(entry: tuple[int, str]) -> Sequence[str]:
    number, name = entry
    return str(number), code(name), "yes" if is_server_type(name) else "no"


def _field_rows(fields: Iterable[Field], prefix: str = "") -> Iterator[Sequence[str]]:
    for item in fields:
        yield code(prefix + item.name), _kind_of(item), _notes_of(item)
        yield from _field_rows(item.fields, f"{prefix}{item.name}.")


def _kind_of(item: Field) -> str:
    target = OBJECTS[item.target].name if item.target is not None else ""
    text = KIND_NAMES.get(item.kind, item.kind.value).format(target=code(target))
    return f"{text}, key {code(item.key)}" if item.key else text


def _notes_of(item: Field) -> str:
    notes = [word for word in ("required", "fixed", "derived") if getattr(item, word)]
    text = ", ".join("mandatory" if word == "required" else word for word in notes)
    return "; ".join(part for part in (text, _choices_of(item)) if part)


def _choices_of(item: Field) -> str:
    if item.kind is not Kind.CHOICE:
        return ""
    if item.choices is APP_TYPES:
        return "an [application type](#application-types)"
    return codes(item.choices) if item.choices else "the name of an object type"


# ---------------------------------------------------------------- filters

FILTERS_HEAD = """\
# Filter keys

What `filter` in `readObjects`, `readBrief` and subscriptions may hold
([the wire protocol](protocol.md#6-reads)). A value is a text, an integer or a boolean.

- All keys that are given must hold. With `dbid` the other conditions are not looked at.
- Texts are compared whatever their case. `*` in a text stands for any characters.
- Numbers may be given as text. The number 0 asks for objects that have no such reference.
- Flags take `true` and `false`, and the origin's 2 and 1. A flag that an object does not have is
  false.
- `state` takes `enabled` and `disabled`, and the origin's 1 and 2.
- `app_type` takes names and the origin's numbers.
- `option` and `annex` take `section/option`, which selects the objects that have that option, or
  `section/option=value`. The section ends at the first `/`, the option at the first `=`.
- Keys that *look at other objects* are answered as of the moment of the read, and cannot be used in
  subscriptions. When the object that a key names may not be read, nothing is found.
- Keys that *add to the answer* are no conditions. Send `true`.
- A key that the type does not have is refused with `unknownFilterKey`.
"""

MODIFIERS = {
    "read_folder_dbid": "adds `folderDBIDs` to the answer",
    "object_path": "adds `objectPaths` to the answer",
    "all_tenants": "no effect: what may be read of all tenants is found anyway",
    "object_type": "the type of the object that `object_dbid` names",
}
JOINS = {
    ("dn", "place_dbid"): "DNs of this place",
    ("dn", "no_place_dbid"): "DNs that are in no place, whatever the value",
    ("dn", "group_dbid"): "DNs of this DN group",
    ("person", "group_dbid"): "agents of this agent group",
    ("person", "switch_dbid"): "agents with a login on this switch",
    ("application", "primary_server_dbid"): "the backup server of this application",
    ("application", "switch_dbid"): "the T-Server of this switch",
    (
        "folder",
        "object_dbid",
    ): "the folder in which the object of this DBID and of type `object_type` lies",
}
INDEXES = {
    "dbid": "the object with this DBID",
    "name": "by `name`",
    "state": "by `state`",
    "folder_dbid": "directly in this folder",
    "tenant_dbid": "of this tenant",
}
TENANT_INDEXES = {
    ObjectType.TENANT: "the tenant with this DBID",
}


def filters_page() -> Iterator[str]:
    """Yield the lines of filters.md."""
    yield from FILTERS_HEAD.splitlines()
    yield ""
    for info in OBJECTS.values():
        yield f"## {info.name}"
        yield ""
        rows = (_key_row(info, key, rule) for key, rule in keys_of(info.type).items())
        yield from table(("key", "selects", "in subscriptions"), rows)


def _key_row(info: ObjectInfo, key: str, rule: FilterKey) -> Sequence[str]:
    usable = {"join": "no", "modifier": "no effect"}.get(rule.how, "yes")
    return code(key), _meaning_of(info, key, rule), usable


def _meaning_of(info: ObjectInfo, key: str, rule: FilterKey) -> str:
    path = code(".".join(rule.path))
    if rule.how == "index":
        if key == "tenant_dbid" and info.type in TENANT_INDEXES:
            return TENANT_INDEXES[info.type]
        return INDEXES[key]
    if rule.how == "modifier":
        return MODIFIERS.get(key, "no condition")
    if rule.how == "join":
        selected = JOINS.get((info.name, key), f"those that {path} names")
        return f"{selected} (looks at other objects)"
    if rule.how == "absent":
        return f"without {path}, whatever the value"
    return {
        "equal": f"by {path}",
        "contains": f"with this among {path}",
        "flag": f"by the flag {path}",
        "option": f"by an option in {path}, `section/option` or `section/option=value`",
    }[rule.how]


# ---------------------------------------------------------------- options

OPTIONS_HEAD = """\
# Options of a server

What a master or a proxy reads from the `options` of its own Application object. Where two sections
are named, the first one that has the option with a valid value counts. A value that is not valid is
named in the log and in the status; where none is valid, the default is used.
"""


TLS_HEAD = """\
In section `[security]` of the server's options or annex, and of the annex of its host. The
transport parameters of a port or a Connection may give each of them too, and come first:
[Use TLS](../howto/tls.md#the-parameters). Files are those of the server's own host.
"""
LIBRARIES_HEAD = """\
Sections of the server's options, or of a tenant's annex, which then counts for its persons; how
they work together is told in [External authentication](../howto/external-authentication.md).
`gauth_ldap_1`, `gauth_ldap_2` and so on name further directories. Options that name files, and
`chase-referrals`, count in the server's options only.
"""
RULES_HEAD = """\
In the annex (`userProperties`) of a tenant; tenants below inherit each rule that they do not give
themselves. In the annex of a person, `override-` before its name makes a rule count for that person
alone. What they do is told in [Accounts](../topics/accounts.md).
"""


def options_page() -> Iterator[str]:
    """Yield the lines of options.md."""
    yield from OPTIONS_HEAD.splitlines()
    yield ""
    heads = ("section", "option", "values", "default", "takes effect", "meaning")
    yield from table(heads, map(_option_row, OPTIONS))
    yield from ("", "## TLS", "", *TLS_HEAD.splitlines(), "")
    rows = ((code(one.name), one.values, one.default, one.meaning) for one in PARAMETERS)
    yield from table(("option", "values", "default", "meaning"), rows)
    yield from ("", "## Libraries that check logins", "", *LIBRARIES_HEAD.splitlines(), "")
    yield from table(heads, map(_option_row, LIBRARY_OPTIONS))
    yield from ("", "## Rules of accounts", "", *RULES_HEAD.splitlines(), "")
    yield from table(heads, map(_option_row, RULES))
    yield from ("", "## Accepted without effect", "")
    heads = ("section", "option", "why")
    yield from table(heads, (_without_effect(*item) for item in WITHOUT_EFFECT.items()))


def _option_row(option: Option) -> Sequence[str]:
    sections = " or ".join(map(code, option.sections))
    default = code(option.default) if option.default != "" else "empty"
    return sections, code(option.name), _values_of(option), default, option.effect, option.meaning


def _without_effect(option: tuple[str, str], why: str) -> Sequence[str]:
    section, name = option
    return code(section), code(name), why


def _values_of(option: Option) -> str:
    if option.choices:
        return codes(option.choices)
    if isinstance(option.default, str):
        return "any text"
    return f"{option.least} to {option.most}"


# ---------------------------------------------------------------- rights

RIGHTS_HEAD = """\
# Rights

What an account may do with an object is a mask, the sum of these:
"""

MASKS = {
    "READ": ("R", "see the object: in reads, lists, searches and notifications"),
    "CREATE": ("C", "create objects in a folder, and move objects into it"),
    "CHANGE": ("H", "change the object's document; with D, move it"),
    "EXECUTE": ("X", "log in with the application"),
    "DELETE": ("D", "delete the object; a folder only with D on all that is in it"),
    "READ_PERMISSIONS": ("E", "see the grants on the object"),
    "CHANGE_PERMISSIONS": ("P", "change the grants on the object"),
    "NO_PROPAGATE": ("N", "no right: the grant is for the object itself, not for what lies in it"),
}

RIGHTS_RULES = """\
Full control is 127, all rights and no N.

## Grants

A **grant** gives a person or an access group a mask on an object. A grant on a container holds for
all that lies in it. Containers are
{containers}.
An object lies in its folder; a folder without a parent folder lies in its owner, which is a tenant,
a switch, an IVR or a business attribute.

1. For each *subject* (person or access group) the **nearest** grant counts: the one on the object
   itself, else on its folder, else on the folder above, and so on up to the tenant and what that
   lies in. A nearer grant replaces a farther one, also when it gives less; mask 0 takes everything
   away.
2. A grant with N is passed over on the way up: what lies in the container gets the next one above.
3. An account has the **union** over itself and all its access groups: groups that it is a member
   of, groups that those are members of, and all groups of type `everyone`. Groups that are disabled
   do not count.
4. Nothing granted is forbidden. There is no account that the rule does not bind on the wire.

Grants bind reads, lists, searches and pushes alike. A grant, a membership or a place that changes
takes effect in the same transaction: see `entered` and `left` in
[the wire protocol](protocol.md#82-kinds-of-change).

## What a request needs

| request | needs |
|---|---|
| log in | X on the Application object |
| `readObjects`, `readBrief`, notifications | R on each object; others are as if not there |
| `createObject` | C on the folder |
| `updateObject` | H on the object; to move it D as well, and C on the new folder |
| `deleteObject` | D on the object and on all that lies in it |
| change grants | P on the object |

A write to an object that the account may not read is refused as `objectNotFound`, to one that it
may read as `noPermission`.

## In the administration

[Let people into the administration](../howto/administration-for-others.md) says who enters. In it
the rights on an object bind as on the wire, those of Super Administrators too: a nearer grant that
gives them less holds there as well.

| page | needs |
|---|---|
| an object, its history, its deletion | R on the object; others are as if not there |
| lists, searches, filters and their counts, look-ups of fields | of all objects those with R |
| the name of an object that another refers to | R on it, else its DBID stands there |
| saving it | H on the object, else it is shown only; to move it D too, and C on the new folder |
| saving a new one | C on the folder; offered where there is such a folder |
| deleting it, also with others | D on each and on all in it; what may not be read is not named |
| enabling, disabling, unlocking several | H on each, or nothing is done |
| the members of an access group | R on the group; to change them H |
| the grants on it, and why somebody has its rights | R and E on the object |
| granting, changing and taking back rights | P on the object; of several, P on each or none |
| the running servers (status, who has what) | to be a Super Administrator |

How lists are filtered is told in [Rights in the administration](../topics/administration.md).
"""


def rights_page() -> Iterator[str]:
    """Yield the lines of rights.md."""
    yield from RIGHTS_HEAD.splitlines()
    yield ""
    rows = (
        (letter, str(getattr(rights, name)), meaning) for name, (letter, meaning) in MASKS.items()
    )
    yield from table(("right", "value", "allows to"), rows)
    containers = codes(sorted(OBJECTS[ObjectType(type_)].name for type_ in rights.CONTAINERS))
    yield from RIGHTS_RULES.format(containers=containers).splitlines()


# ---------------------------------------------------------------- metrics

METRICS_HEAD = """\
# Metrics

Each server has its metrics at `/metrics` on its **status port** (`-status-port`; by default the
web port plus one), in the text format of Prometheus, and of OpenMetrics for who asks for that.
They are computed when they are asked for, from what the server knows anyway: some milliseconds
with 10,000 sessions, nothing in between.

They are protected as `/status` is: from the host itself nobody is asked who he is; from elsewhere
a super administrator logs in by HTTP Basic. A server whose ports are closed, such as a backup, has
its metrics all the same.

```yaml
scrape_configs:
  - job_name: csproxy
    basic_auth: {username: monitor, password_file: /etc/prometheus/csproxy}
    static_configs:
      - targets: ["confserv.example:8081", "site-1.example:8091"]
```

No label is a session, a client, a user or an object. A metric without a sample does not concern
this server: `csproxy_link_up` is a proxy's, `csproxy_database_up` a master's. `csproxy_*_total`
count from the start of the process. The process itself is told by the usual `process_*`: processor
time, memory, open files.

Worth an alarm: `csproxy_ready == 0` where `csproxy_role` says that it should serve,
`csproxy_alarm`, `csproxy_age_seconds > 60`, `rate(csproxy_history_lost_total[5m]) > 0`,
`csproxy_recent_stall_seconds > 0.5`, `csproxy_server_lag_revisions` that does not fall, a
certificate with less than 30 days. Two masters with `csproxy_role{role="primary"}`, or different
`csproxy_epoch_info` in one environment, are to be looked at at once.
"""


def metrics_page() -> Iterator[str]:
    """Yield the lines of metrics.md."""
    yield METRICS_HEAD
    yield from table(
        ["name", "kind", "label", "meaning"],
        (
            [
                code(PREFIX + one.name),
                one.kind.value,
                code(one.label) if one.label else "",
                one.meaning,
            ]
            for one in FIGURES
        ),
    )


# ---------------------------------------------------------------- what the benchmarks found

FILLED = (ROOT / "docs/performance.md", ROOT / "docs/topics/hot-path.md")
"""Pages with places: `<!-- results of NAME -->` or `<!-- bars -->`, to `<!-- end -->`."""
RESULTS = ROOT / "benchmarks/results"
_PLACE = re.compile(r"(<!-- (?:results of ([\w, ]+)|bars) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with the newest results in their places."""

    def fill(found: re.Match[str]) -> str:
        lines = _results(found[2].split(", ")) if found[2] else _bars()
        text = "\n".join(lines).strip()
        return f"{found[1]}\n{text}\n\n{found[3]}"

    return _PLACE.sub(fill, text)


def _kept(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return found


def _results(names: Sequence[str]) -> Iterator[str]:
    """Yield a table of the rows, and of what they come."""
    rows = [row for name in names for row in _kept(name)["rows"]]
    heads, cells = ["figure", "ours", "unit"], [_result(row) for row in rows]
    if any(row["peer"] for row in rows):
        heads += ["peer", "its figure", "ratio"]
        cells = [cell + _beside(row) for cell, row in zip(cells, rows, strict=True)]
    if any("bar" in row for row in rows):
        heads += ["bar"]
        cells = [[*cell, _bar(row)] for cell, row in zip(cells, rows, strict=True)]
    yield from table(heads, cells)
    yield "; ".join(_origin(name) for name in names) + "."


def _result(row: dict[str, Any]) -> list[str]:
    return [row["figure"], _bound(row, "ours"), row["unit"]]


def _beside(row: dict[str, Any]) -> list[str]:
    return [row["peer"] or "", _bound(row, "peer_value"), _ratio_of(row)]


def _bound(row: dict[str, Any], name: str) -> str:
    """Return one figure of a row, which can be the least that it is in truth."""
    return ("at least " if name in row.get("at_least", ()) else "") + _number(row[name])


def _ratio_of(row: dict[str, Any]) -> str:
    """Return the ratio, a bound where one of the two figures is one."""
    words = {("ours",): "at least ", ("peer_value",): "at most ", ("ours", "peer_value"): "about "}
    return words.get(tuple(row.get("at_least", ())), "") + _number(row["ratio"])


def _bar(row: dict[str, Any]) -> str:
    bar = row.get("bar")
    return f"{bar['limit']}: {_verdict(bar)}" if bar else ""


def _verdict(bar: dict[str, Any]) -> str:
    return {True: "kept", False: "**missed**", None: "not proven"}[bar["kept"]]


def _origin(name: str) -> str:
    """Return when the results of a benchmark were taken and of what, as far as it was kept."""
    kept = {"commit": "", "date": "", "peers": {}} | _kept(name)
    versions = [f"{peer} {version}" for peer, version in kept["peers"].items()]
    known = [kept["date"], f"commit {kept['commit']}" if kept["commit"] else "", *versions]
    return f"{code(name)}: {', '.join(filter(None, known)) or 'time and commit were not kept'}"


def _bars() -> Iterator[str]:
    """Yield a table of the questions, with what was found of all that has a bar."""
    found: dict[int, dict[str, list[tuple[float, bool | None]]]] = {n: {} for n in QUESTIONS}
    for path in sorted(RESULTS.glob("*.json")):
        for row in _kept(path.stem)["rows"]:
            bar = row.get("bar")
            if bar and bar["question"]:
                value = row["ratio"] if bar["limit"].endswith("×") else row["ours"]
                values = found[bar["question"]].setdefault(bar["limit"], [])
                values.append((value, bar["kept"]))
    yield from table(
        ("", "question", "bars: what was found"),
        [
            (str(n), words, "; ".join(_summed(*limit) for limit in found[n].items()))
            for n, words in QUESTIONS.items()
        ],
    )


def _summed(limit: str, found: Sequence[tuple[float, bool | None]]) -> str:
    """Return in words what rows of one bar have found."""
    values, verdicts = sorted({value for value, _ in found}), [kept for _, kept in found]
    among = " … ".join(_number(value) for value in dict.fromkeys((values[0], values[-1])))
    missed, open_ = verdicts.count(False), verdicts.count(None)
    words = [f"**{missed} of {len(found)} missed**"] if missed else []
    words += [f"{open_} of {len(found)} not proven"] if open_ else []
    return f"{limit}: {among}, {', '.join(words) or 'kept'}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"


# ---------------------------------------------------------------- writing

PAGES: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "objects.md": ("confwire/objects/table.py", objects_page),
    "filters.md": ("proxyapp/engine/data/filters.py", filters_page),
    "options.md": ("proxyapp/engine/options.py", options_page),
    "rights.md": ("proxyapp/engine/data/rights.py", rights_page),
    "metrics.md": ("proxyapp/engine/figures.py", metrics_page),
}


def text_of(name: str) -> str:
    """Return the text of a page as it should be."""
    source, page = PAGES[name]
    return "\n".join([NOTE.format(source=source), *page()]).rstrip("\n") + "\n"


def stale() -> dict[Path, str]:
    """Return the pages that are not as they should be, with the text that they should have."""
    wanted = {FOLDER / name: text_of(name) for name in PAGES}
    wanted |= {path: filled(path.read_text()) for path in FILLED}
    return {
        path: text
        for path, text in wanted.items()
        if not path.is_file() or path.read_text() != text
    }


def main(words: Sequence[str]) -> int:
    """Write the pages, or check them; return the exit status."""
    pages = stale()
    if list(words) == ["--check"]:
        for path in pages:
            print(f"{path.name} is not what the code or a result says: run make docs")
        return 1 if pages else 0
    if words:
        print(__doc__)
        return 2
    for path, text in pages.items():
        path.write_text(text)
        print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
