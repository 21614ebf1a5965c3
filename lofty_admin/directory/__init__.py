"""Names for Lofty's ids, per tenant: read from Lofty by a job, stored, and searched."""
