"""Metrics in the formats of Prometheus."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from proxyapp.engine.figures import FIGURES, PREFIX
from proxyapp.runtime import metrics

STATUS = {
    "application": 'site "1"\n\\',
    "ready": True,
    "authority": {"link": "live", "resumes": 3},
    "alarms": [{"alarm": "copy"}, {"alarm": "certificate"}, {"alarm": "certificate"}],
    "ports": [{"port": 2020, "expiresAt": 1.8e9, "failedHandshakes": 2}, {"port": 2021}],
}


def test_both_formats_are_what_their_parsers_read() -> None:
    for accept, parse, kind in (
        ("", prometheus, "text/plain"),
        ("application/openmetrics-text; version=1.0.0", open_metrics, "application/openmetrics"),
    ):
        body, media_type = metrics.write(STATUS, accept)
        assert media_type.startswith(kind)
        found = {
            (sample.name, *sample.labels.items()): sample.value
            for family in parse(body.decode())
            for sample in family.samples
        }
        assert found["csproxy_info", ("application", 'site "1"\n\\')] == 1
        assert found[("csproxy_ready",)] == 1
        assert found[("csproxy_link_resumes_total",)] == 3
        assert found["csproxy_alarm", ("alarm", "certificate")] == 1
        assert found["csproxy_certificate_expiry_timestamp_seconds", ("port", "2020")] == 1.8e9
        assert ("csproxy_failed_handshakes_total", ("port", "2021")) not in found
        assert found[("process_cpu_seconds_total",)] > 0


def test_what_a_server_does_not_know_is_left_out() -> None:
    body, _ = metrics.write({"alarms": []}, "")
    told = {line.split()[2] for line in body.decode().splitlines() if line.startswith("# TYPE")}
    assert {name for name in told if name.startswith(PREFIX)} == {"csproxy_role"}
    assert len(FIGURES) > len(told)
