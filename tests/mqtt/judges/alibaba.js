'use strict';

// A device with Alibaba's Node SDK, unmodified. It takes what it is as JSON, reports its version, and installs what it is
// told of; it prints what happens, a JSON list a line, and ends when its input does.

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const iot = require('alibabacloud-iot-device-sdk');

const given = JSON.parse(process.argv[2]);
const names = `${given.product}/${given.name}`;
const UPGRADE = `/ota/device/upgrade/${names}`;
const GET = `/sys/${names}/thing/ota/firmware/get`;
const say = (...words) => process.stdout.write(`${JSON.stringify(words)}\n`);

const device = iot.device({
  productKey: given.product, deviceName: given.name, deviceSecret: given.secret, brokerUrl: `mqtt://127.0.0.1:${given.port}`,
});
const publish = (topic, params) => device.publish(topic, JSON.stringify({ id: '1', params }));
const report = (version) => publish(`/ota/device/inform/${names}`, { version });

function install(data) {
  publish(`/ota/device/progress/${names}`, { step: '0', desc: '', module: data.module });
  http.get(data.url, (answer) => {
    const digest = crypto.createHash(data.signMethod.toLowerCase());
    const file = fs.createWriteStream(given.path);
    answer.on('data', (part) => { digest.update(part); file.write(part); });
    answer.on('end', () => file.end(() => {
      say('downloaded', digest.digest('hex') === data.sign ? 0 : -3);
      report(data.version);
    }));
  });
}

device.on('connect', () => {
  say('connected');
  report(given.version);
  if (given.asks) publish(GET, {});
});
device.on('message', (topic, payload) => {
  const { data } = JSON.parse(payload.toString());
  if ((topic === UPGRADE || topic === `${GET}_reply`) && data.url) {
    const kind = topic === UPGRADE ? 'pushed' : 'asked';
    say('offer', kind, data.version, data.size, data.signMethod, data.module);
    install(data);
  }
});
device.on('error', (error) => say('error', String(error)));
process.stdin.on('data', () => {}).on('end', () => process.exit(0));
