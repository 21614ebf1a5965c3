"""Every route of the URLconf, so that a test can walk all of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
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


def addresses() -> Iterator[tuple[str, str]]:
    """Every address of the console, with something in the place of each id."""
    for route in ROUTES:
        filled = re.sub(r"<slug:\w+>|<str:\w+>", "acme", route.path)
        filled = re.sub(r"<uuid:\w+>", "11111111-1111-4111-8111-111111111111", filled)
        filled = re.sub(r"<(\w+:)?\w+>", "1", filled)
        yield "/" + filled, route.name


by_name = pytest.mark.parametrize("route", ROUTES, ids=[route.name for route in ROUTES])
