"""All settings of the servers, read from the environment.

DATABASE_URL, CSPROXY_DATA (folder of data and logs), CSPROXY_SECRET_KEY,
CSPROXY_FORMER_SECRET_KEYS, CSPROXY_ALLOWED_HOSTS, CSPROXY_DEBUG, CSPROXY_HTTPS (the web is only
reached over TLS), CSPROXY_SCRAM_ITERATIONS.
What belongs to one server is in its Application object, not here.
"""

from __future__ import annotations

import os
from pathlib import Path

from csproxy_site.environment import Environment, kept_key

env = Environment(os.environ)

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_ROOT = env.folder("CSPROXY_DATA", BASE_DIR / "var")

SECRET_KEY = env.text("CSPROXY_SECRET_KEY", "") or kept_key(DATA_ROOT / "secret_key")
SECRET_KEY_FALLBACKS = env.words("CSPROXY_FORMER_SECRET_KEYS", [])
DEBUG = env.flag("CSPROXY_DEBUG")
ALLOWED_HOSTS = env.words(
    "CSPROXY_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", ".localhost"]
)

INSTALLED_APPS = [
    # Daphne is no app here: its app would install a reactor before the server's own event loop.
    "channels",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "pgtrigger",
    "historylog",
    "proxyapp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csproxy_site.policy.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "csproxy_site.urls"
ASGI_APPLICATION = "csproxy_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# ---------------------------------------------------------------- database

DATABASES = {"default": env.database("DATABASE_URL", DATA_ROOT / "csproxy.sqlite3")}
_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["OPTIONS"] = {
        # A transaction that begins by reading cannot become a writer once another one wrote:
        # IMMEDIATE takes the write lock at once, and waits for it.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        **_database.get("OPTIONS", {}),
    }
else:
    _database["CONN_MAX_AGE"] = 0
    _database["OPTIONS"] = {
        # From the third time on: web requests have a connection each, and would gain nothing.
        "prepare_threshold": 2,
        # A database that is cut off without a word is given up in seconds, not in a quarter of an
        # hour: a thread that waits for it is of no use to the next one.
        # Of several hosts one may be gone: the next one is asked sooner.
        "connect_timeout": 3 if "," in _database["HOST"] else 10,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        **_database.get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ---------------------------------------------------------------- accounts

AUTH_USER_MODEL = "proxyapp.Person"
AUTHENTICATION_BACKENDS = ["proxyapp.auth.web.ChainBackend"]
LOGIN_URL = "admin:login"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # user names are unique in their folded form
LOGIN_REDIRECT_URL = "admin:index"

SCRAM_ITERATIONS = env.number("CSPROXY_SCRAM_ITERATIONS", 600_000)
"""Rounds of the password hash in new verifiers."""

# ---------------------------------------------------------------- browsers

_https = env.flag("CSPROXY_HTTPS")
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_ROOT / "static"
# The files of the admin are found where they are installed; no collectstatic is needed.
WHITENOISE_USE_FINDERS = True

# ---------------------------------------------------------------- language and time

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
