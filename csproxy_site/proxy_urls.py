"""The web site of a proxy: status and health, and the history that it keeps itself."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from proxyapp.api import changes, convergence, history, status

status_patterns = [
    path("status", status.status, name="status"),
    path("convergence", convergence.convergence, name="convergence"),
    path("readyz", status.readyz, name="readyz"),
    path("freshz", status.freshz, name="freshz"),
    path("livez", status.livez, name="livez"),
]
history_patterns = [
    path("history/", history.log, name="history"),
    path("history/changes/", changes.changes, name="history-changes"),
    path("history/log.<str:form>", history.export, name="history-export"),
    path(
        "history/sessions/", RedirectView.as_view(pattern_name="history"), name="history-sessions"
    ),
    path("history/sessions/<str:session>/", history.session, name="history-session"),
]
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="status")),
    *status_patterns,
    *history_patterns,
]
