"""The test double: a gateway in a test's own process, whose time, faults and devices the test controls.

docs/testing/README.md is the guide. Nothing is loaded until a name is asked for: pytest imports this in every run.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otagw.testing.gateway import Gateway as Gateway

__all__ = ["Gateway"]


def __getattr__(name: str) -> Any:
    if name == "Gateway":
        from otagw.testing.gateway import Gateway  # noqa: PLC0415 - see above

        return Gateway
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
