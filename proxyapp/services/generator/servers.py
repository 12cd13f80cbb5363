"""Templates, hosts and servers: of the company, and of each of its sites."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from confwire.objects import ObjectType
from proxyapp.models import (
    Application,
    ApplicationTemplate,
    ConfigObject,
    Connection,
    Folder,
    Host,
    Port,
)
from proxyapp.models.base import key_of
from proxyapp.services.changes import Work
from proxyapp.services.generator.company import Company
from proxyapp.services.generator.plan import SitePlan
from proxyapp.services.generator.rows import Roots, generic, subfolder
from proxyapp.services.seed import CONFSERV

T = ObjectType

_LOG = {"verbose": "standard", "all": "stdout", "buffering": "true", "segment": "10 MB"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server: its template, how many a site has, and what it connects to."""

    name: str
    type: str
    version: str
    paired: bool = False
    count: int = 1
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


KINDS = (
    Kind("SIP Server", "tserver", "8.1.104", True, 1,
         {"TServer": {"sip-port": "5060", "internal-registrar-enabled": "true",
                      "default-dn-type": "extension", "subscription-timeout": "30"},
          "agent-reservation": {"reservation-time": "10000"}}),
    Kind("Stat Server", "statserver", "8.5.112", True, 2,
         {"statserver": {"auto-backup-interval": "10", "server-id": "stat"}}),
    Kind("Universal Routing Server", "routerserver", "8.1.400", True, 1,
         {"default": {"strategy": "default", "route_consult_call": "true"}}),
    Kind("Orchestration Server", "orchestrationserver", "8.1.500", False, 2,
         {"orchestration": {"mcr-pull-limit": "500"}}),
    Kind("Message Server", "messageserver", "8.5.100", True, 1,
         {"messages": {"db_binding": "true"}}),
    Kind("Interaction Server", "interactionserver", "8.5.200", True),
    Kind("Chat Server", "chatserver", "8.5.300", False, 2),
    Kind("E-mail Server", "emailserver", "8.5.103"),
    Kind("Contact Server", "contactserver", "8.5.300", True),
    Kind("Outbound Contact Server", "cmserver", "8.1.506", True),
    Kind("Resource Manager", "gvp124", "8.5.190", True, 1, {"rm": {"sip-header": "X-Genesys"}}),
    Kind("Media Control Platform", "gvp145", "8.5.190", False, 2, {"mpc": {"codec": "pcmu g729"}}),
    Kind("WFM Server", "wfm96", "8.5.219"),
    Kind("Interaction Concentrator", "callconcentrator", "8.1.514"),
)  # fmt: skip
DESKTOP = Kind("Workspace Desktop", "interactionworkspace", "8.5.150")
PROXY_TEMPLATE = "Configuration Server Proxy"
_CONNECTED = ("Configuration Server Proxy", "Message Server", "SIP Server", "Stat Server")


def templates(work: Work) -> dict[str, ApplicationTemplate]:
    """Return the templates of all kinds by name, made where they are missing."""
    kinds = (*KINDS, DESKTOP)
    names = {key_of([kind.name]): kind for kind in kinds}
    existing = {row.key for row in ApplicationTemplate.objects.filter(key__in=names)}
    work.add(
        ApplicationTemplate(
            name=kind.name,
            type=kind.type,
            version=kind.version,
            options={"log": dict(_LOG)} | {name: dict(part) for name, part in kind.options.items()},
        )
        for key, kind in names.items()
        if key not in existing
    )
    wanted = [*names, key_of([PROXY_TEMPLATE])]
    return {row.name: row for row in ApplicationTemplate.objects.filter(key__in=wanted)}


@dataclass(slots=True)
class Park:
    """The servers of a site while they are put up."""

    company: Company
    site: SitePlan
    folder: Folder
    hosts: list[Host]
    servers: list[Application] = field(default_factory=list)
    backups: list[Application] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)

    def host_of(self, number: int) -> Host:
        """Return the host of the n-th server: neighbours are on different ones."""
        return self.hosts[number % len(self.hosts)]


def put_up(
    work: Work,
    company: Company,
    site: SitePlan,
    roots: Roots,
    kinds: Mapping[str, ApplicationTemplate],
    random: Random,
) -> tuple[Folder, list[Application]]:
    """Make the hosts and servers of a site; return their folder and the servers."""
    folders = [
        subfolder(roots[held], f"{company.plan.slug} {site.name}")
        for held in ("application", "host")
    ]
    work.add(folders)
    applications, hosts = folders
    park = Park(company, site, applications, list(_hosts(company, site, hosts, random)))
    work.add(park.hosts)
    _proxy(park, kinds[PROXY_TEMPLATE])
    for kind in KINDS:
        _servers(work, park, kind, kinds[kind.name], random)
    work.add(park.servers)
    work.add(_ports(park))
    work.add(_connections(park))
    _belong(work, [*park.servers, *park.backups], company)
    return applications, park.servers


def desktop(
    work: Work, company: Company, roots: Roots, template: ApplicationTemplate
) -> Application:
    """Make the desktop application of a company's agents."""
    program = Application(
        name=f"{company.plan.slug}_Workspace",
        app_prototype=template,
        folder=roots["application"],
        options={"interaction-workspace": {"login.voice.can-use-phone": "true"}, "log": dict(_LOG)},
    )
    work.add([program])
    _belong(work, [program], company)
    return program


def _belong(work: Work, servers: list[Application], company: Company) -> None:
    rows = Application.tenants.through
    rows._default_manager.bulk_create(
        rows(application_id=server.dbid, tenant_id=company.tenant.dbid) for server in servers
    )
    work.touch(*servers)


def _hosts(company: Company, site: SitePlan, folder: Folder, random: Random) -> Iterator[Host]:
    network = random.randrange(1, 255)
    for number in range(1, 3 + site.agents // 100):
        windows = random.random() < 0.3
        yield Host(
            name=f"{site.code.lower()}-srv{number:02}.{company.plan.slug}.example",
            ip_address=f"10.{network}.{site.number % 256}.{10 + number}",
            os_type="windowsserver2008" if windows else "redhatlinux",
            os_version="6.1" if windows else "7.9",
            folder=folder,
            annex={"rdm": {"port": "5000"}, "ntp-service-control": {"signature": "ntpd"}},
        )


def _proxy(park: Park, template: ApplicationTemplate) -> None:
    server = _server(park, "CSProxy", template, park.hosts[0])
    server.redundancy_type = "coldstandby"
    park.servers.append(server)
    park.ports.append(Port(application=server, port_id="default", port="2025"))


def _servers(
    work: Work, park: Park, kind: Kind, template: ApplicationTemplate, random: Random
) -> None:
    short = kind.name.replace(" ", "_").replace("-", "")
    for number in range(1, kind.count + 1):
        name = f"{short}_{number}" if kind.count > 1 else short
        server = _server(park, name, template, park.host_of(len(park.servers)))
        server.options.setdefault(short.lower(), {})["trace-sample"] = f"{random.randrange(100)}"
        if kind.paired:
            backup = _server(park, f"{name}_B", template, park.host_of(len(park.servers) + 1))
            backup.redundancy_type = server.redundancy_type = "warmstandby"
            work.add([backup])
            park.backups.append(backup)
            server.backup_server = backup
            park.ports.append(Port(application=backup, port_id="default", port=_number(park)))
        park.servers.append(server)
        park.ports.append(Port(application=server, port_id="default", port=_number(park)))


def _server(park: Park, name: str, template: ApplicationTemplate, host: Host) -> Application:
    return Application(
        name=f"{park.company.plan.slug}_{park.site.code}_{name}",
        app_prototype=template,
        folder=park.folder,
        host=host,
        work_directory=f"/opt/{name.lower()}",
        command_line="./run.sh",
        command_line_arguments=f"-host {host.name} -port 2025",
        auto_restart=True,
        redundancy_type="coldstandby",
        options=copy.deepcopy(template.options),
        annex={"site": {"code": park.site.code, "name": park.site.name}},
    )


def _number(park: Park) -> str:
    return str(7000 + 10 * len(park.ports))


def _ports(park: Park) -> Iterable[Port]:
    for port in park.ports:
        port.application_id = port.application.dbid
    return park.ports


def _connections(park: Park) -> Iterator[Connection]:
    known = {server.app_prototype.name: server for server in reversed(park.servers)}
    for server in park.servers:
        targets = [known[name] for name in _CONNECTED if known[name] is not server]
        if server.app_prototype.name == PROXY_TEMPLATE:
            yield _connection(server, CONFSERV)
            continue
        for target in targets:
            yield _connection(server, target.dbid)


def _connection(server: Application, target: int) -> Connection:
    return Connection(
        application=server,
        server_id=target,
        port_id="default",
        conn_protocol="addp",
        timeout_local=10,
        timeout_remote=20,
        mode="both",
    )


def solution(
    company: Company, site: SitePlan, roots: Roots, servers: list[Application]
) -> ConfigObject:
    """Return the solution that groups a site's servers."""
    return generic(
        T.SERVICE, None, roots["service"], f"{company.plan.slug} {site.name}",
        solutionType="stenterpriserouting", version="8.1", startupType="sutmanual",
        assignedTenantDBID=company.tenant.dbid,
        components=[
            {"appDBID": server.dbid, "startupPriority": number, "isOptional": False}
            for number, server in enumerate(servers, start=1)
        ],
    )  # fmt: skip
