"""Settings pages in another language: what users read changes, what is recorded does not."""

import json

import pytest
from django.utils.translation import override

from lofty_admin.agentsettings.hours import in_short, in_words
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.json_strict import JSON
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_pages import review, save
from tests.support.users import Browsers

WEEK: dict[str, JSON] = {"startActiveHour": 8, "endActiveHour": 20, "activeDays": [1, 2, 3, 4, 5]}


@pytest.mark.django_db(transaction=True)
def test_save__in_spanish__shown_in_spanish_and_recorded_in_english(
    browsers: Browsers, lofty: PracticeCustomer
) -> None:
    owner = browsers.owner
    owner.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    page = review(
        owner, **{"startActiveHour": ["7"], "leadSources-scope": ["only"], "leadSources-ids": ["7"]}
    )
    shown = text_of(page)
    assert "2 cambios para Acme Realty" in shown
    assert "Fuentes de leads" in shown
    assert "desconocido (7)" in shown
    assert "7:00" in shown
    after = text_of(save(owner, page))
    assert "Releído de Lofty: todos los cambios se hicieron." in after
    assert "Agregar nombres para las fuentes de leads" in after
    events = AuditEvent.objects.filter(kind__startswith="settings.")
    written = json.dumps([[event.subject, event.body] for event in events], default=str)
    assert "unknown (7)" in written
    assert "Lead sources" in written
    for spanish in ("desconocido", "Fuentes", "Activo", "Rele"):
        assert spanish not in written


def test_hours__in_spanish__of_twenty_four_hours() -> None:
    with override("es"):
        assert in_words(WEEK, "UTC") == "De lunes a viernes, de 8:00 a 20:00, UTC"
        night: dict[str, JSON] = {
            **WEEK,
            "startActiveHour": 22,
            "endActiveHour": 0,
            "activeDays": [0, 6],
        }
        assert in_words(night, "") == (
            "Sábado y domingo, de 22:00 a 0:00 (medianoche), zona horaria desconocida"
        )
        assert in_short(22, 6, [1, 2, 3]) == "Lun–mié 22:00–6:00, durante la noche"
    assert in_short(22, 6, [1, 2, 3]) == "Mon–Wed 10 PM–6 AM, overnight"
