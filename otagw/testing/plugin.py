"""The pytest plugin: fixtures that are gateways, and a test that fails where a fault of its was never met.

pytest imports this module in each run of each project that has otagw installed: it imports pytest and nothing else.
"""

import json
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from otagw.testing.gateway import Gateway
    from otagw.testing.live import LiveGateway

_SETTINGS = "otagw_settings"
# Arguments of `Gateway` beside settings, which the marker and the fixture take too.
_OPTIONS = ("tls", "mqtt", "seed")
_used: pytest.StashKey[list["Gateway"]] = pytest.StashKey()
_SHOWN = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option of settings."""
    parser.addini(_SETTINGS, "settings of the gateway that tests get, one `name = value` (JSON) a line", "linelist", [])


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is for."""
    config.addinivalue_line(
        "markers",
        "otagw(**settings): the gateway of this test has such settings; tls=True, mqtt=True and seed=N are among them",
    )


@pytest.fixture(scope="session")
def otagw_settings() -> dict[str, Any]:
    """Settings of the gateways that tests get; override it in a conftest, a module or a class."""
    return {}


@pytest.fixture(scope="session")
def _otagw_pool() -> Iterator[dict[str, "Gateway"]]:
    """Gateways by their settings: each is started once in a process."""
    pool: dict[str, Gateway] = {}
    yield pool
    for gateway in pool.values():
        gateway.close()


@pytest.fixture
def otagw(
    request: pytest.FixtureRequest, otagw_settings: Mapping[str, Any], _otagw_pool: dict[str, "Gateway"]
) -> "Gateway":
    """A gateway that is as new: it is reset before the test, so that what a failed one left can be looked at."""
    settings = _chosen(request, otagw_settings)
    name = json.dumps(settings, sort_keys=True, default=str)
    if name in _otagw_pool:
        _otagw_pool[name].reset()
    else:
        _otagw_pool[name] = _start(settings).start()
    return _watched(request, _otagw_pool[name])


@pytest.fixture(scope="session")
def otagw_shared(request: pytest.FixtureRequest, otagw_settings: Mapping[str, Any]) -> Iterator["Gateway"]:
    """A gateway that all tests of a process share; nothing resets it, and its faults have to be met by the end."""
    with _start({**_of_ini(request.config), **otagw_settings}) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def otagw_live(
    request: pytest.FixtureRequest, otagw_settings: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator["LiveGateway"]:
    """The real gateway in processes of its own, as `otagw serve` starts it: with no clock, faults or snapshot."""
    from otagw.testing.live import LiveGateway  # noqa: PLC0415 - see above

    with LiveGateway(tmp_path_factory.mktemp("otagw"), {**_of_ini(request.config), **otagw_settings}) as gateway:
        yield gateway


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test whose fault was never met, or whose gateway had an error of its own."""
    result = yield
    for gateway in item.stash.get(_used, []):
        gateway.verify()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last calls of the gateway to the report of a failed test."""
    report = yield
    if report.failed and call.when == "call":
        for gateway in item.stash.get(_used, []):
            lines = [str(one) for one in gateway.calls[-_SHOWN:]]
            report.sections.append((f"calls of otagw at {gateway.clock!r}", "\n".join(lines) or "none"))
    return report


def _watched(request: pytest.FixtureRequest, gateway: "Gateway") -> "Gateway":
    request.node.stash.setdefault(_used, []).append(gateway)
    return gateway


def _start(settings: Mapping[str, Any]) -> "Gateway":
    from otagw.testing.gateway import Gateway  # noqa: PLC0415 - see above

    options = {name: settings[name] for name in _OPTIONS if name in settings}
    given = {name: value for name, value in settings.items() if name not in _OPTIONS}
    return Gateway(given, **options)


def _chosen(request: pytest.FixtureRequest, fixture: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a test: those of its marker go before the fixture's, and these before the ini file's."""
    marked: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("otagw"))):
        if marker.args:
            raise pytest.UsageError(f"@pytest.mark.otagw: expected settings as name=value, got {marker.args[0]!r}")
        marked |= marker.kwargs
    return {**_of_ini(request.config), **fixture, **marked}


def _of_ini(config: pytest.Config) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in config.getini(_SETTINGS):
        name, equals, value = line.partition("=")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            raise pytest.UsageError(
                f"{_SETTINGS}: expected `name = value` with a value in JSON, got {line!r}"
            ) from None
        if not equals:
            raise pytest.UsageError(f"{_SETTINGS}: expected `name = value`, got {line!r}")
    return found
