// A release script's tests with Node's own test runner, against `otagw test-server`. Needs no package.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";

let server, folder, where;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "otagw-"));
  server = spawn("otagw", ["test-server", "--port-file", join(folder, "where.json")], { stdio: "inherit" });
  await new Promise((resolve, reject) => {
    const watcher = watch(folder, (_, name) => name === "where.json" && resolve(watcher.close())); // it is there whole
    server.once("exit", () => reject(new Error("otagw test-server has ended")));
  });
  where = JSON.parse(readFileSync(join(folder, "where.json"), "utf8"));
});

after(() => {
  server.kill();
  rmSync(folder, { recursive: true });
});

beforeEach(() => tell("/reset"));

// Tell the control API something; it answers 409 where an expectation does not hold.
async function tell(path, body = {}) {
  const response = await fetch(where.control + path, { method: "POST", body: JSON.stringify(body) });
  const answer = await response.json();
  assert.equal(response.status, 200, answer.error);
  return answer;
}

// Call an Action as a script does: signed with HMAC-SHA1.
async function call(action, params) {
  const all = {
    Action: action, Version: "2018-01-20", Format: "JSON", AccessKeyId: where.key_id, SignatureMethod: "HMAC-SHA1",
    SignatureVersion: "1.0", SignatureNonce: randomUUID(), Timestamp: new Date().toISOString().replace(/\.\d+/, ""), ...params,
  };
  const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
  const query = Object.keys(all).sort().map((name) => `${encode(name)}=${encode(all[name])}`).join("&");
  const signature = createHmac("sha1", where.secret + "&").update(`GET&%2F&${encode(query)}`).digest("base64");
  const response = await fetch(`${where.url}/?${query}&Signature=${encode(signature)}`);
  return response.json();
}

test("a create whose answer was lost is repeated with its token", async () => {
  await tell("/faults", { operation: "CreateOTAFirmware", after: "commit", times: 1 });
  const release = { FirmwareName: "door-lock", DestVersion: "2.0.0", ClientToken: "build-4711" };
  await assert.rejects(call("CreateOTAFirmware", release));
  const { Data } = await call("CreateOTAFirmware", release);
  const { FirmwareInfo } = await call("ListOTAFirmware", { CurrentPage: 1, PageSize: 10 });
  assert.deepEqual(FirmwareInfo.SimpleFirmwareInfo.map((one) => one.FirmwareId), [Data.FirmwareId]);
  await tell("/calls/expect", { operation: "CreateOTAFirmware", params: { ClientToken: "build-4711" }, times: 2 });
  await tell("/verify");
});

test("a throttled call says how long to wait", async () => {
  await tell("/faults", { operation: "ListOTAFirmware", code: "Throttling.User", retry_after: 1.5, times: 1 });
  assert.equal((await call("ListOTAFirmware", { CurrentPage: 1, PageSize: 10 })).Code, "Throttling.User");
  assert.equal((await call("ListOTAFirmware", { CurrentPage: 1, PageSize: 10 })).Total, 0);
});

test("a rollout begins at its time", async () => {
  await tell("/clock", { freeze: "2026-11-22T12:00Z" });
  await tell("/devices", { product: "a1lock", count: 3 });
  const { id } = await tell("/packages", { name: "door-lock", version: "2.0.0", product: "a1lock", data: "new firmware" });
  const job = await tell("/rollouts", { package: id, product: "a1lock", schedule: "2026-11-23T02:00Z" });
  assert.equal(job.state, "PLANNED");
  await tell("/devices/play");
  await tell("/clock", { run_until_idle: true });
  const { state, counts } = await (await fetch(`${where.control}/rollouts/${job.id}`)).json();
  assert.deepEqual([state, counts], ["COMPLETED", { SUCCEEDED: 3 }]);
});
