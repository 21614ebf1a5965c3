"""URLs that allauth reverses by name, so they have no namespace. Unlisted pages do not exist."""

from allauth.account import views
from allauth.mfa.base import views as mfa_views
from allauth.mfa.webauthn import views as passkey_views
from django.urls import path
from django.views.decorators.http import require_POST

from lofty_admin.accounts import security_views, services, sign_in_views, sso

urlpatterns = [
    path(
        "login/",
        sign_in_views.SignInView.as_view(
            extra_context={
                "sso_is_offered": sso.is_offered,
                "nobody_is_here": services.has_no_users,
            }
        ),
        name="account_login",
    ),
    path("login/step/", sign_in_views.step, name="mfa_authenticate"),
    path("login/passkey/", passkey_views.login_webauthn, name="mfa_login_webauthn"),
    path("logout/", require_POST(views.logout), name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("password/change/", security_views.password, name="account_change_password"),
    path("again/", views.reauthenticate, name="account_reauthenticate"),
    path("again/code/", mfa_views.reauthenticate, name="mfa_reauthenticate"),
    path(
        "again/passkey/",
        passkey_views.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
    path("security/", security_views.security, name="mfa_index"),
    path("security/app/", security_views.app_add, name="mfa_activate_totp"),
    path("security/passkey/", security_views.passkey_add, name="mfa_add_webauthn"),
    path("security/codes/", security_views.codes, name="mfa_view_recovery_codes"),
    path("security/codes/make/", security_views.codes_make, name="mfa_generate_recovery_codes"),
]
