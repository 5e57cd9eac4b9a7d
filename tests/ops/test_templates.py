"""The texts that an operator installs: config/ shows them, and the package holds them."""

import pytest

from tests.conftest import ROOT

TEMPLATES = sorted((ROOT / "otagw/ops/templates").iterdir())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_config_holds_each_template(template):
    assert (ROOT / "config" / template.name).read_bytes() == template.read_bytes(), "run `make docs`"


def test_config_holds_nothing_else_but_the_settings():
    assert {p.name for p in (ROOT / "config").iterdir()} == {p.name for p in TEMPLATES} | {"otagw.toml"}
