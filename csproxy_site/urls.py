"""The web site of a master: the admin, and what every server's site has."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from csproxy_site import proxy_urls
from proxyapp.admin import site

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", site.urls),
    *proxy_urls.status_patterns,
]
