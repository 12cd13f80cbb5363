"""The page of metrics: what each of them means."""

from __future__ import annotations

from collections.abc import Iterator

from generating.tables import code, table
from proxyapp.engine.figures import FIGURES, PREFIX

HEAD = """\
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


def page() -> Iterator[str]:
    """Yield the lines of metrics.md."""
    yield HEAD
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
