"""Every route of the URLconf, so that a test can walk all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Route:
    """`arguments`: the class of the path converter for each argument, by name."""

    name: str
    path: str
    arguments: Mapping[str, str]

    @property
    def in_tenant(self) -> bool:
        return "slug" in self.arguments


def walk(resolver: URLResolver, before: Route) -> Iterator[Route]:
    """Yield each route below `resolver`, named with its namespaces, as `reverse` takes it."""
    for pattern in resolver.url_patterns:
        converters = pattern.pattern.converters.items()
        path = before.path + str(pattern.pattern)
        arguments = {**before.arguments, **{key: type(kind).__name__ for key, kind in converters}}
        if isinstance(pattern, URLResolver):
            namespace = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from walk(pattern, Route(before.name + namespace, path, arguments))
        elif isinstance(pattern, URLPattern):
            assert pattern.name, f"{path} has no name"
            yield Route(before.name + pattern.name, path, arguments)


ROUTES = sorted(walk(get_resolver(), Route("", "", {})), key=lambda route: route.path)
