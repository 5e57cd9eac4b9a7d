"""A device with Alibaba's Python SDK, unmodified, in an environment of its own.

It takes what it is as JSON, reports its version, and installs what it is told of; it prints what happens, a JSON list a
line, and ends when its input does.
"""

import json
import sys

from linkkit import linkkit

given = json.loads(sys.argv[1])


def say(*words):
    print(json.dumps(words), flush=True)


def on_connect(session, code, _):
    say("connected", session, code)
    kit.ota_report_version("default", given["version"])
    if given["asks"]:
        kit.query_ota_firmware()


def on_offer(kind, version, size, url, method, sign, module, extra):
    say("offer", {1: "pushed", 2: "asked"}[kind], version, size, method, module, extra)
    progress = f"/ota/device/progress/{given['product']}/{given['name']}"
    kit.publish_topic(progress, json.dumps({"id": 2, "params": {"step": "0", "desc": "", "module": module}}))
    code = kit.download_ota_firmware(url, given["path"], method, sign)
    say("downloaded", int(getattr(code, "value", code)))
    kit.publish_topic(progress, json.dumps({"id": 3, "params": {"step": "100", "desc": "", "module": module}}))
    kit.ota_report_version(module, version)


kit = linkkit.LinkKit("127.0.0.1", given["product"], given["name"], given["secret"])
kit.config_mqtt(port=given["port"], secure="", endpoint="127.0.0.1")
kit.on_connect = on_connect
kit.on_ota_message_arrived = on_offer
kit.on_disconnect = lambda code, _: say("disconnected", code)
kit.connect_async()
sys.stdin.read()
kit.disconnect()
kit.destruct()
