"""Client for the Lofty API. It uses no model, request or setting of the console."""
