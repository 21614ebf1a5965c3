"""Names for the ids of Lofty, per tenant: read from Lofty by a job, kept, and searched."""
