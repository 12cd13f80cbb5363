"""Real authentication servers for tests: an LDAP directory, a RADIUS server, a Kerberos realm.

Each runs in a scratch folder on loopback, and can be stopped, restarted, and stalled: it still
accepts then, and never answers.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import signal
import socket
import subprocess
import warnings
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import eventually, free_port

PEOPLE = {"ivan": "пароль-7", "зоя": "тайное слово", "田中": "秘密の言葉", "plain": "word"}
"""Names in the directories and their passwords."""
ADMIN, ADMIN_PASSWORD = "cn=admin,dc=t", "только для тестов"
SECRET = "testing123"


class Daemon:
    """A server process that a test can hold up and bring back."""

    def __init__(self, command: list[str], port: int, environment: dict[str, str] | None = None):
        self.port = port
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._child = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        eventually(self.answers, f"the start of {self._command[0]}", 10)

    def answers(self) -> bool:
        assert self._child is not None
        if self._child.poll() is not None:
            assert self._child.stdout is not None
            raise AssertionError(self._child.stdout.read().decode(errors="replace"))
        return self.listens()

    def listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stall(self) -> None:
        """Let the kernel accept for it, and answer nothing."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{self._child.pid}/stat")
        eventually(lambda: ") T " in state.read_text(), "the stop of its threads", 5)

    def go_on(self) -> None:
        assert self._child is not None
        self._child.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._child is not None:
            self._child.send_signal(signal.SIGCONT)
            self._child.kill()
            self._child.communicate()
            self._child = None

    def restart(self) -> None:
        self.stop()
        self.start()


# ---------------------------------------------------------------- LDAP

_SLAPD = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.so
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
suffix "dc=t"
rootdn "{admin}"
rootpw "{password}"
directory {folder}/db
"""


class LdapServer(Daemon):
    """OpenLDAP with the people in it, in clear, with StartTLS, and with TLS on another port."""

    def __init__(self, folder: Path, people: Mapping[str, str] = PEOPLE) -> None:
        self.folder = folder
        self.tls_port = free_port()
        port = free_port()
        urls = f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{self.tls_port}"
        super().__init__(
            ["/usr/sbin/slapd", "-f", str(folder / "slapd.conf"), "-h", urls, "-d", "0"], port
        )
        (folder / "db").mkdir(parents=True)
        make_certificates(folder)
        text = _SLAPD.format(folder=folder, admin=ADMIN, password=ADMIN_PASSWORD)
        (folder / "slapd.conf").write_text(text)
        (folder / "people.ldif").write_text(_ldif(people))
        added = subprocess.run(
            ["/usr/sbin/slapadd", "-q", "-f", folder / "slapd.conf", "-l", folder / "people.ldif"],
            capture_output=True,
            check=False,
        )
        assert added.returncode == 0, added.stderr

    def url(self, scheme: str = "ldap", filter_: str = "(uid=X)") -> str:
        port = self.tls_port if scheme == "ldaps" else self.port
        return f"{scheme}://127.0.0.1:{port}/dc=t??sub?{filter_}"


def _ldif(people: Mapping[str, str]) -> str:
    def line(name: str, value: str) -> str:
        return f"{name}:: {b64encode(value.encode()).decode()}\n"

    text = "dn: dc=t\nobjectClass: dcObject\nobjectClass: organization\ndc: t\no: t\n\n"
    for uid, password in people.items():
        text += line("dn", f"uid={uid},dc=t") + "objectClass: inetOrgPerson\n"
        text += line("uid", uid) + line("cn", f"Пользователь {uid}") + line("sn", uid)
        text += line("userPassword", password) + "\n"
    return text


def make_certificates(folder: Path) -> None:
    """Write ca.pem, and cert.pem with key.pem for 127.0.0.1."""
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: str, key: Any, issuer: Any, signer: Any, authority: bool) -> Any:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer is not None else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(signer, hashes.SHA256())
        )

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = certificate("test authority", root_key, None, root_key, True)
    leaf = certificate("127.0.0.1", key, root, root_key, False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "cert.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


# ---------------------------------------------------------------- RADIUS

_RADIUSD = """\
prefix = {folder}
localstatedir = {folder}
logdir = {folder}
libdir = /usr/lib/freeradius
run_dir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 10
security {{
 allow_vulnerable_openssl = yes
 reject_delay = 0
}}
thread pool {{
 start_servers = 2
 max_servers = 4
 min_spare_servers = 1
 max_spare_servers = 3
}}
modules {{
 always reject {{
  rcode = reject
 }}
 files {{
  usersfile = {folder}/users
 }}
 pap {{
 }}
}}
client localhost {{
 ipaddr = 127.0.0.1
 secret = {secret}
 require_message_authenticator = yes
}}
server default {{
 listen {{
  type = auth
  ipaddr = 127.0.0.1
  port = {port}
 }}
 authorize {{
  files
  pap
 }}
 authenticate {{
  Auth-Type PAP {{
   pap
  }}
 }}
 post-auth {{
  {signed}
  Post-Auth-Type REJECT {{
   {signed}
  }}
 }}
}}
"""
_SIGNED = "update reply {\n Message-Authenticator := 0x00\n }"


class RadiusServer(Daemon):
    """FreeRADIUS; `signed` says whether its answers bear a Message-Authenticator."""

    def __init__(
        self, folder: Path, people: Mapping[str, str] = PEOPLE, *, signed: bool = True
    ) -> None:
        folder.mkdir(parents=True)
        port = free_port()
        fields = {"folder": folder, "secret": SECRET, "port": port}
        config = _RADIUSD.format(**fields, signed=_SIGNED if signed else "")
        (folder / "radiusd.conf").write_text(config)
        users = "".join(
            f'"{name}" Cleartext-Password := "{password}"\n\tReply-Message := "привет, {name}"\n\n'
            for name, password in people.items()
        )
        (folder / "users").write_text(users)
        command = ["freeradius", "-d", str(folder), "-n", "radiusd", "-f", "-lstdout"]
        super().__init__(command, port)

    def listens(self) -> bool:
        """Whether the port is taken: nothing answers on UDP before it is asked properly."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                return True
        return False


# ---------------------------------------------------------------- Kerberos


class Realm:
    """A Kerberos realm with a service, its keytab, and users who have tickets."""

    SERVICE = "confwire/localhost"

    def __init__(
        self, people: tuple[str, ...] = ("ivan", "зоя", "田中"), name: str = "KRBTEST.COM"
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its escapes, where it is compiled just now
            import k5test

        port = free_port()
        self._realm = k5test.K5Realm(
            realm=name, portbase=port, create_user=False, create_host=False, get_creds=False,
            start_kadmind=False,
        )  # fmt: skip
        self.name = str(self._realm.realm)
        self.spn = f"{self.SERVICE}@{self.name}"
        self.keytab = str(Path(self._realm.tmpdir) / "service.keytab")
        self.environment = {key: str(value) for key, value in self._realm.env.items()}
        self._add(f"-randkey {self.spn}")
        self._realm.extract_keytab(self.spn, self.keytab)
        for name in people:
            self._add(f"-pw слово-{name} {name}@{self.name}")

    def _add(self, principal: str) -> None:
        done = subprocess.run(
            ["/usr/sbin/kadmin.local", "-q", f"addprinc {principal}"],
            env={**os.environ, **self.environment, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=False,
        )
        assert b"created" in done.stdout, done

    def cache_of(self, name: str, seconds: int = 3600) -> dict[str, str]:
        """Return the environment in which this user has a ticket-granting ticket for so long."""
        cache = str(Path(self._realm.tmpdir) / f"cache-{name}")
        environment = {**self.environment, "KRB5CCNAME": cache}
        subprocess.run(
            ["kinit", "-l", f"{seconds}s", f"{name}@{self.name}"],
            input=f"слово-{name}\n",
            text=True,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
        )
        return environment

    def made_up_keytab(self, folder: Path) -> str:
        """Return a keytab with a key for the service that the realm does not know."""
        file = folder / "made-up.keytab"
        words = (
            f"addent -password -p {self.spn} -k 2 -e aes256-cts-hmac-sha1-96\nguessed\nwkt {file}\n"
        )
        subprocess.run(
            ["ktutil"], input=words, text=True, env={**os.environ, **self.environment},
            check=True, capture_output=True,
        )  # fmt: skip
        assert file.exists()
        return str(file)

    def intolerant(self, folder: Path) -> str:
        """Return a configuration in which clocks may differ by a second only."""
        file = folder / "krb5.conf"
        text = Path(self.environment["KRB5_CONFIG"]).read_text()
        file.write_text(text.replace("[libdefaults]", "[libdefaults]\n clockskew = 1", 1))
        return str(file)

    def stop_issuing(self) -> None:
        self._realm.stop_kdc()

    def end(self) -> None:
        self._realm.stop()
