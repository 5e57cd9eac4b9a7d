"""The command line, one module per group of commands."""

import click

from otagw import __version__
from otagw.cli import (
    audit,
    backup,
    config,
    devices,
    docs,
    explain,
    groups,
    keys,
    packages,
    products,
    projects,
    prune,
    recording,
    serve,
    sign,
    signing,
    simulate,
    test_server,
    webhooks,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="otagw")
def main() -> None:
    """Run and use a gateway for the OTA APIs of Tuya, Alibaba Cloud IoT and Huawei Cloud IoTDA."""


for command in (serve.serve, serve.migrate, serve.welcome, keys.keys, sign.sign, sign.call, explain.explain):
    main.add_command(command)
main.add_command(serve.worker)
keys.keys.add_command(signing.signing)
main.add_command(serve.metrics)
main.add_command(serve.mqtt)
main.add_command(products.products)
main.add_command(packages.packages)
main.add_command(projects.projects)
main.add_command(devices.devices)
main.add_command(groups.groups)
main.add_command(webhooks.webhooks)
main.add_command(simulate.simulate)
main.add_command(audit.audit)
main.add_command(backup.backup)
main.add_command(backup.restore)
main.add_command(prune.prune)
main.add_command(config.config)
main.add_command(recording.record)
main.add_command(recording.replay)
main.add_command(recording.compare)
main.add_command(docs.actions)
main.add_command(docs.docs)
main.add_command(test_server.test_server)
