"""Store static files under names with their hash."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Also hash the names in `import` statements, so that scripts can be modules."""

    support_js_module_import_aggregation = True
