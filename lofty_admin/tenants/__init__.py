"""The customers, their Lofty credentials, and who may touch which of them."""
