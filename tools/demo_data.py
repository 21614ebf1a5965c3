"""Prepare the demo's database, in one process: tables, static files, users, tenants, a week.

python -m tools.demo_data     with the environment of tools/demo.py
"""

import os
from io import StringIO

import django
from django.core.management import call_command


def main() -> None:
    if os.environ.get("LOFTY_DEMO") != "1":
        raise SystemExit("This is for the demo only: LOFTY_DEMO is not 1. Nothing was changed.")
    django.setup()
    call_command("migrate", "--no-input", verbosity=0)
    call_command("collectstatic", "--no-input", verbosity=0)

    from tools import demo_history, demo_tenants

    if demo_history.is_wanted():
        print("Making a week of history ...", flush=True)
        demo_history.make(os.environ["LOFTY_API_BASE_URL"], os.environ["DEMO_PASSWORD"])
        verify()
    else:
        demo_tenants.add_users_and_tenants()


def verify() -> None:
    """Verify the whole week against a signed checkpoint, so that its page has a result to show."""
    call_command("audit_checkpoint", stdout=StringIO(), stderr=StringIO())
    anchors = os.environ["AUDIT_CHECKPOINT_SINK"].removeprefix("file:")
    call_command("audit_verify", "--anchor", anchors, stdout=StringIO())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lofty_admin.settings")
    main()
