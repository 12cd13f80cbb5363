"""What browsers may load on the pages of the site: what the site itself serves, nothing else."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)


class ContentSecurityPolicy(MiddlewareMixin):
    """Forbids inline scripts and styles, and all that comes from elsewhere."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Add the policy, unless a view has its own."""
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response
