"""Let PostgreSQL enforce the state machine of an operation: there is no way back from sent.

The pairs are those of `models.NEXT`; tests/agentsettings/test_operation_states.py tries every other one.
"""

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION agentsettings_operation_moves() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.state = OLD.state OR OLD.state || ' ' || NEW.state IN (
        'prepared sent', 'prepared not_sent',
        'sent unknown', 'sent verified', 'sent not_applied', 'sent rejected', 'sent not_sent',
        'unknown verified', 'unknown not_applied'
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an operation has no way from % to %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation';
END
$body$;
CREATE OR REPLACE TRIGGER operation_moves BEFORE UPDATE ON agentsettings_operation
    FOR EACH ROW EXECUTE FUNCTION agentsettings_operation_moves();
ALTER TABLE agentsettings_operation ENABLE ALWAYS TRIGGER operation_moves;
"""
UNDO = """
DROP TRIGGER IF EXISTS operation_moves ON agentsettings_operation;
DROP FUNCTION IF EXISTS agentsettings_operation_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("agentsettings", "0001_initial")]
    operations = [migrations.RunSQL(GUARD, UNDO)]
