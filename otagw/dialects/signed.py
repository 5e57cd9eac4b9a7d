"""A signed request, on its way from a client of any vendor."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Signed:
    """A request that is ready to be sent once, within the gateway's clock skew."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def curl(self) -> str:
        """Return it as a line for a shell."""
        method = "" if self.method == "GET" else f" -X {self.method}"
        headers = "".join(f" -H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers.items())
        body = f" --data-raw {shlex.quote(self.body.decode(errors='replace'))}" if self.body else ""
        return f"curl{method}{headers}{body} {shlex.quote(self.url)}"
