"""The Lofty API and nothing else: no model, no request and no setting of the console."""
