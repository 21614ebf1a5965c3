"""Django's settings. A deployment decides only what comes from `environment.py`."""

import sys

from csp.constants import NONE, SELF

from lofty_admin.core.database import application_name
from lofty_admin.core.environment import BASE_DIR, read_environment
from lofty_admin.core.logs import logging_config

ENVIRONMENT = read_environment()
DEMO = ENVIRONMENT.demo

SECRET_KEY = ENVIRONMENT.secret_key
SECRET_KEY_FALLBACKS = list(ENVIRONMENT.secret_key_fallbacks)
DEBUG = False
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
ROOT_URLCONF = "lofty_admin.urls"
WSGI_APPLICATION = "lofty_admin.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "lofty_admin.accounts",  # first: it replaces a command of django.contrib.auth
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "lofty_admin.core.apps.ConsoleStaticFilesConfig",
    "django.contrib.humanize",
    "django_countries",  # its names of countries in other languages
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "heroicons",
    "template_partials",
    "lofty_admin.core.apps.ConsoleConfig",  # before procrastinate: it replaces its command
    "procrastinate.contrib.django",
    "lofty_admin.audit",
    "lofty_admin.tenants",
    "lofty_admin.directory",
    "lofty_admin.agentsettings",
    "lofty_admin.history",
    "lofty_admin.fleet",
]

MIDDLEWARE = [
    "lofty_admin.audit.context.RequestContextMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Before any middleware that may refuse a request: every response has these headers.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "lofty_admin.accounts.middleware.NoStoreMiddleware",
    "lofty_admin.core.probes.ProbeMiddleware",
    "lofty_admin.core.compression.PagesOnlyGZipMiddleware",  # whose files are compressed already
    "lofty_admin.core.input.StorableInputMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "lofty_admin.core.timezones.ReaderZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lofty_admin.audit.context.ActorMiddleware",
    "lofty_admin.tenants.recents.PageTenantMiddleware",
    "lofty_admin.accounts.middleware.SessionLimitsMiddleware",
    "lofty_admin.accounts.middleware.SignInRequiredMiddleware",
    "lofty_admin.accounts.middleware.SecondStepMiddleware",
    "lofty_admin.audit.middleware.ReadOnlyMiddleware",
    "lofty_admin.audit.middleware.RefusalLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lofty_admin.tenants.context.header",
                "lofty_admin.audit.middleware.read_only",
                "lofty_admin.core.worker_status.worker_warning",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "lofty_admin.core.templatetags.shown",
                "template_partials.templatetags.partials",
                "lofty_admin.accounts.templatetags.page_owner",  # its {% csrf_token %}
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
MESSAGE_TAGS = {40: "danger"}

# --- Data -----------------------------------------------------------------------------------------
DATABASES = {
    "default": {
        **ENVIRONMENT.database,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **ENVIRONMENT.database.get("OPTIONS", {}),
            "application_name": application_name(sys.argv),
        },
    }
}
CACHES = {
    "default": {
        # In the database, so that throttles count across all processes.
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "console_cache",
        # With Django's 300, guessing at many names would evict the counts of others' attempts.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
# A job that waited for Lofty's next minute starts within a second of it, not within five.
PROCRASTINATE_WORKER_DEFAULTS = {"fetch_job_polling_interval": 1.0}
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not DEMO
USE_TZ = True
TIME_ZONE = "UTC"

# --- Sign-in --------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["lofty_admin.accounts.backend.EmailBackend"]
ACCOUNT_ADAPTER = "lofty_admin.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = "strict"
# accounts/throttle.py counts wrong passwords and codes; a passkey cannot be guessed. allauth's own
# limits count correct attempts too, and believe a time in the future until it comes.
ACCOUNT_RATE_LIMITS = False
MFA_RATE_LIMITS = False
ALLAUTH_TRUSTED_PROXY_COUNT = ENVIRONMENT.trusted_proxies
ACCOUNT_REAUTHENTICATION_TIMEOUT = ENVIRONMENT.reauthenticate_minutes * 60
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "email")},
    },
    {"NAME": "lofty_admin.accounts.passwords.PersonalValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {"NAME": "lofty_admin.accounts.passwords.CommonPartsValidator"},
    {"NAME": "lofty_admin.accounts.passwords.PatternValidator"},
]
SESSION_COOKIE_AGE = ENVIRONMENT.session_hours * 60 * 60
SESSION_IDLE_AGE = ENVIRONMENT.session_idle_minutes * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # a deleted session has ended

REQUIRE_MFA = ENVIRONMENT.require_mfa
MFA_ADAPTER = "lofty_admin.accounts.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "lofty_admin.accounts.mfa_forms.CodeForm",
    "reauthenticate": "lofty_admin.accounts.mfa_forms.CodeAgainForm",
    "authenticate_webauthn": "lofty_admin.accounts.mfa_forms.PasskeyForm",
    "reauthenticate_webauthn": "lofty_admin.accounts.mfa_forms.PasskeyAgainForm",
    "login_webauthn": "lofty_admin.accounts.mfa_forms.PasskeyAloneForm",
}
MFA_TOTP_ISSUER = "Sales Agent console"
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds, either way: clocks of phones differ
MFA_RECOVERY_CODE_COUNT = 10
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_PASSKEY_LOGIN_ENABLED = True

SINGLE_SIGN_ON = ENVIRONMENT.single_sign_on
SOCIALACCOUNT_ADAPTER = "lofty_admin.accounts.sso.SingleSignOnAdapter"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5

# --- Web hardening --------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = not DEMO
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.trusted_proxies else None
)
SECURE_HSTS_SECONDS = 0 if DEMO else 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEMO
SECURE_HSTS_PRELOAD = not DEMO
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = not DEMO
SESSION_COOKIE_NAME = "console_session" if DEMO else "__Host-console_session"
CSRF_COOKIE_SECURE = not DEMO
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "console_csrf" if DEMO else "__Host-console_csrf"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
# A settings form of a large customer carries its snapshot and three long lists.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["lofty_admin.fleet.uploads.InMemoryOnly"]

# --- Static files ---------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "lofty_admin.core.static_files.StaticFilesStorage"},
}

# --- Mail and logs --------------------------------------------------------------------------------
EMAIL_BACKEND = ENVIRONMENT.email["EMAIL_BACKEND"]
DEFAULT_FROM_EMAIL = ENVIRONMENT.mail_from
EMAIL_HOST = ENVIRONMENT.email.get("EMAIL_HOST", "")
EMAIL_PORT = ENVIRONMENT.email.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = ENVIRONMENT.email.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = ENVIRONMENT.email.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = ENVIRONMENT.email.get("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 15  # seconds: a mail server that hangs must not hold a job
EMAIL_USE_SSL = ENVIRONMENT.email.get("EMAIL_USE_SSL", False)
LOGGING = logging_config(level=ENVIRONMENT.log_level, style=ENVIRONMENT.log_format)
CSRF_FAILURE_VIEW = "lofty_admin.accounts.unsent_views.csrf_failure"
DEFAULT_EXCEPTION_REPORTER_FILTER = "lofty_admin.core.error_reporting.NothingPrivateFilter"
# Addresses are unique without regard to case, by a constraint the check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
