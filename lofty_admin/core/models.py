from django.db import models


class Pulse(models.Model):
    """When a component was last alive, or last written: see probes.py and worker_status.py."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "audit_pulse"  # from when the model was in the app of the log

    def __str__(self) -> str:
        return self.name
