from django.urls import path

from lofty_admin.accounts import invitation_views, security_views, sso, unsent_views

app_name = "accounts"
urlpatterns = [
    path("signed-in/", unsent_views.signed_in, name="signed_in"),
    path("unsent/<uuid:form_id>/", unsent_views.unsent_form, name="unsent_form"),
    path("again/sign-in/", security_views.sign_in_again, name="sign_in_again"),
    path("security/start/", security_views.second_step, name="second_step"),
    path("security/step/<int:pk>/remove/", security_views.step_remove, name="step_remove"),
    path("security/sessions/<int:pk>/end/", security_views.session_end, name="session_end"),
    path("security/sessions/end/", security_views.sessions_end, name="sessions_end"),
    path("sso/login/", sso.login, name="sso_login"),
    path("sso/callback/", sso.callback, name="sso_callback"),
    path("invitation/", invitation_views.invitation, name="invitation"),
    path("invitation/account/", invitation_views.invitation_accept, name="invitation_accept"),
]
