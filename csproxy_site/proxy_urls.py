"""The web site of a proxy: status and health, without a database."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from proxyapp.api import status

status_patterns = [
    path("status", status.status, name="status"),
    path("readyz", status.readyz, name="readyz"),
    path("livez", status.livez, name="livez"),
]
urlpatterns = [path("", RedirectView.as_view(pattern_name="status")), *status_patterns]
