"""Every option that a server reads from its Application object, once.

The table gives section, name, type, default, when it takes effect and the meaning; `settings` and
the reference page come from it. Knows no object model and no runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Effect = Literal["immediately", "after restart"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    sections: tuple[str, ...]
    name: str
    default: int | str
    effect: Effect
    meaning: str
    least: int = 0
    most: int = 2**31
    choices: tuple[str, ...] = ()
    """Of a text; without them any text is valid."""


_SERVER = ("csproxy", "confserv")
_SYSTEM = ("system",)
_HISTORY = ("history-log",)
_AUTHENTICATION = ("authentication",)
_SECURITY = ("security",)
_BOOLEAN = ("true", "false")
VERBOSITY = ("all", "debug", "trace", "interaction", "standard", "none")

OPTIONS: tuple[Option, ...] = (
    Option(
        _SERVER,
        "packet-size",
        1_024_000,
        "immediately",
        "Bytes at which a message with notifications is cut into packets.",
        least=1,
    ),
    Option(
        _SERVER,
        "max-client-output-queue-size",
        1024,
        "immediately",
        "KB of unsent output of one client above which its requests and notifications wait.",
        least=1,
    ),
    Option(
        _SERVER,
        "max-output-queue-size",
        0,
        "immediately",
        "MB of unsent output of all clients together above which requests and notifications of each"
        " slow client wait, whatever it has itself; 0 is no limit.",
        most=1_000_000,
    ),
    Option(
        _SERVER,
        "client-response-timeout",
        600,
        "immediately",
        "Seconds after which a client that does not read its output is disconnected.",
        least=1,
    ),
    Option(
        _SERVER,
        "client-connect-timeout",
        10,
        "immediately",
        "Seconds within which a connected client must have logged in.",
        least=1,
        most=65_536,
    ),
    Option(
        _SERVER,
        "resume-tokens",
        "true",
        "immediately",
        "Whether a client goes on with its session by its token alone, on any server. With `false`"
        " only at a server of a pair that has the session's record.",
        choices=_BOOLEAN,
    ),
    Option(
        ("confserv",),
        "resume-token-life",
        3600,
        "immediately",
        "Seconds for which a resume token counts; a session that lives gets a new one in half of"
        " that.",
        least=60,
        most=604_800,
    ),
    Option(
        ("confserv",),
        "resume-token-outage",
        168,
        "immediately",
        "Hours for which proxies that have lost every master can go on giving out resume tokens.",
        least=1,
        most=2_160,
    ),
    Option(
        ("confserv",),
        "resume-token-generation",
        0,
        "immediately",
        "Another number makes all resume tokens void that were given out before.",
        most=2**32 - 1,
    ),
    Option(
        ("csproxy",),
        "balancer-networks",
        "",
        "immediately",
        "Addresses and networks of load balancers whose word about the address of a client counts,"
        " such as `10.1.0.5, 10.2.0.0/24`. Empty: nobody's.",
    ),
    Option(
        ("csproxy",),
        "balancer-protocol",
        "proxy-v2",
        "immediately",
        "How those tell it on listening ports: by a header of the PROXY protocol in version 2,"
        " which is then demanded of them, or by the HTTP header X-Forwarded-For. On the web's ports"
        " it is always that header.",
        choices=("proxy-v2", "x-forwarded-for"),
    ),
    Option(
        ("csproxy",),
        "drain-time",
        30,
        "immediately",
        "Seconds over which clients are spread at most that are sent to other servers, because this"
        " one is told to end or to have fewer. A hundred of them leave in a second at most, unless"
        " this limit asks for more.",
        most=3600,
    ),
    Option(
        _SERVER,
        "dedicated-port-types",
        "",
        "immediately",
        "Types of applications that ports for client user interface applications (`user=1`) take,"
        " separated by commas. Empty is every type that is not a server's.",
    ),
    Option(
        ("csproxy",),
        "proxy-writable",
        "false",
        "immediately",
        "Whether the proxy passes writes of user-defined data on to its master. With `false` it"
        " refuses all writes with the master's address.",
        choices=_BOOLEAN,
    ),
    Option(
        ("csproxy",),
        "site-limit",
        "",
        "immediately",
        "The part of the data that clients of the proxy see, as far as their own rights reach:"
        " `tenant:NAME` and `folder:TENANT/FOLDER/FOLDER`, or a DBID instead of the name,"
        " separated by commas; each with all that lies in it. What names nothing shows nothing."
        " Of a pair that of the primary counts at both. Empty: everything.",
    ),
    Option(
        ("csproxy",),
        "write-limit",
        120,
        "immediately",
        "Writes that a writable proxy takes from one session within a minute; 0 is no limit. Bulk"
        " work belongs at the master.",
    ),
    Option(
        ("csproxy",),
        "proxy-cluster-name",
        "",
        "after restart",
        "Of a member of a pool: name of the Application object that stands for the load balancer,"
        " and that clients are told instead of this one. Empty: the proxy is in no pool.",
    ),
    Option(
        ("csproxy",),
        "fresh-data-only",
        "false",
        "after restart",
        "Whether a proxy that starts from its local copy waits for its master before it serves."
        " With `false` it serves the copy at once, marked with its age.",
        choices=_BOOLEAN,
    ),
    Option(
        _SERVER,
        "freshness-limit",
        60,
        "immediately",
        "Seconds of age of the data up to which `/freshz` says 200; its query may say otherwise.",
        most=31_536_000,
    ),
    Option(
        ("csproxy",),
        "delay-reload",
        0,
        "immediately",
        "Seconds that a proxy waits before it loads anew when its master cannot tell it what it has"
        " missed. It serves what it has meanwhile; the first load at its start never waits.",
    ),
    Option(
        ("csproxy",),
        "delay-reload-backup",
        0,
        "immediately",
        "The same, of a proxy that is the backup of another one.",
    ),
    Option(
        _SYSTEM,
        "consistent-port-selection",
        "false",
        "immediately",
        "Whether a proxy connects to the backup master on the port with the ID of that which it is"
        " told for the primary. Else, and where there is none, on port `default`.",
        choices=_BOOLEAN,
    ),
    Option(
        _SYSTEM,
        "proxy-load-max",
        0,
        "immediately",
        "Of a master: proxies that load all data at the same time at most; others wait, and serve"
        " what they have. 0 is any number.",
    ),
    Option(
        _SYSTEM,
        "proxy-load-timeout",
        0,
        "immediately",
        "Seconds after which a proxy that loads no longer counts for `proxy-load-max`. 0: it counts"
        " until its load or its link ends.",
    ),
    Option(
        _SYSTEM,
        "throttle-updates-interval",
        0,
        "immediately",
        "Of a master: milliseconds between two writes of clients at least.",
        most=60_000,
    ),
    Option(
        _SYSTEM,
        "deferred-requests-expiration",
        3600,
        "immediately",
        "Of a master: seconds after which a write that still waits for those before it is refused."
        " 0 is never.",
    ),
    Option(
        _HISTORY,
        "active",
        "true",
        "immediately",
        "Whether entries about sessions, logins and servers are kept. `false` suspends that until"
        " it is set back or the server starts again; changes are kept always.",
        choices=_BOOLEAN,
    ),
    Option(
        _HISTORY,
        "all",
        "",
        "after restart",
        "Of a proxy: the file of its history log, a path without the extension `.sqlite3`; a"
        " relative one begins in the data folder. `:memory:` keeps it in the host's memory, until"
        " the server ends. Empty is `history` in the data folder. A master keeps it in the"
        " configuration database.",
    ),
    Option(
        _HISTORY,
        "client-expiration",
        1,
        "immediately",
        "Days for which entries about sessions are kept.",
        least=1,
        most=30,
    ),
    Option(
        _HISTORY,
        "expiration",
        30,
        "immediately",
        "Days for which other entries are kept, and those that no master has yet.",
        least=1,
        most=30,
    ),
    Option(
        _HISTORY,
        "failsafe-store-processing",
        "true",
        "after restart",
        "Whether each batch of entries waits for the disk. With `false` a power cut may take the"
        " last ones; the death of a process takes none.",
        choices=_BOOLEAN,
    ),
    Option(
        _HISTORY,
        "max-records",
        1000,
        "immediately",
        "Changes that one answer to `historyLog` may have; more is refused with `historyExpired`.",
        least=1,
        most=1000,
    ),
    Option(
        _HISTORY,
        "write-former-value",
        "true",
        "immediately",
        "Whether the history has the values before a change. Without them nothing can be read as it"
        " was before, or reverted.",
        choices=_BOOLEAN,
    ),
    Option(
        _HISTORY,
        "audit-expiration",
        365,
        "immediately",
        "Days for which the master keeps changes; more than `expiration`.",
        least=1,
        most=36_500,
    ),
    Option(
        _HISTORY,
        "audit-max-records",
        10_000_000,
        "immediately",
        "Changes of single objects that the master keeps at most, more than `max-records`; the"
        " oldest go first.",
        least=1,
    ),
    Option(
        _AUTHENTICATION,
        "library",
        "",
        "immediately",
        "What checks passwords: `gauth_ldap`, `gauth_radius` and `internal`, in order, with commas"
        " between them; `gauth_kerberos` beside them takes tickets. Also in the annex of a tenant"
        " and, for one account, of a person: the more specific wins.",
    ),
    Option(
        _AUTHENTICATION,
        "enforce-external-auth",
        "false",
        "immediately",
        "Whether everybody is checked by `library`. With `false` only persons with an external ID"
        " are, or those marked for external authentication. Environment\\default never is.",
        choices=_BOOLEAN,
    ),
    Option(
        _AUTHENTICATION,
        "enforce-internal-auth",
        "false",
        "immediately",
        "Whether everybody is checked by the configuration's own verifiers, whatever else says.",
        choices=_BOOLEAN,
    ),
    Option(
        _AUTHENTICATION,
        "authentication-queue-threshold",
        1000,
        "immediately",
        "External checks that may wait; further logins are refused with a hint to come back."
        " 0 is no limit.",
    ),
    Option(
        _AUTHENTICATION,
        "refused-password-cache",
        5,
        "immediately",
        "Seconds for which a password that was rejected is rejected again without asking anybody.",
        most=3600,
    ),
    Option(
        _SECURITY,
        "failed-logins-per-address",
        100,
        "immediately",
        "Failed logins from one address of clients within a minute after which further ones are"
        " refused for a while. Trusted balancers and this host are not counted. 0 is no limit.",
    ),
    Option(
        _SECURITY,
        "web-second-factor",
        "optional",
        "immediately",
        "Who must show a code of an authenticator beside the password to enter the administration:"
        " nobody, Super Administrators, or everybody. Who has enrolled must in any case.",
        choices=("optional", "administrators", "everybody"),
    ),
    Option(
        _SERVER,
        "last-login",
        "true",
        "immediately",
        "Whether the server remembers when an account logged in last, and tells it in `opened`.",
        choices=_BOOLEAN,
    ),
    Option(
        _SERVER,
        "last-login-synchronization",
        "true",
        "immediately",
        "Whether servers tell each other of last logins. Failed logins and locks they tell always.",
        choices=_BOOLEAN,
    ),
    Option(
        _SERVER,
        "password-change",
        "true",
        "immediately",
        "Whether persons may change their own passwords without the right to change their objects.",
        choices=_BOOLEAN,
    ),
    Option(
        _SERVER,
        "allow-empty-password",
        "false",
        "immediately",
        "Whether a person who has no password may log in with an empty one.",
        choices=_BOOLEAN,
    ),
    Option(
        _SERVER,
        "allow-external-empty-password",
        "false",
        "immediately",
        "Whether empty passwords are put to RADIUS servers. LDAP directories never get them: they"
        " would take them for a question that needs no password.",
        choices=_BOOLEAN,
    ),
    Option(
        ("log",),
        "verbose",
        "standard",
        "immediately",
        "The least important records that are written.",
        choices=VERBOSITY,
    ),
)


_TOKENS = "the tokens of the origin's web applications are not taken: these log in as persons"

WITHOUT_EFFECT = {
    ("gauth_ldap", "idle-timeout"): "each login has a connection of its own",
    ("gauth_ldap", "verbose"): "failures of directories are logged always, passwords never",
    ("system", "token-authentication-mode"): _TOKENS,
    ("system", "token-preamble"): _TOKENS,
    ("system", "token-tolerance"): _TOKENS,
    ("system", "token-ttl"): _TOKENS,
    ("system", "serialize-write-transactions"): (
        "transactions are committed one after another in any case, and none waits for a load"
    ),
}
"""Options of the origin that are accepted, and why they have no effect."""
