'use strict';

// Make calls with the vendor's unmodified SDKs: one call a line on stdin as JSON, one answer a line on stdout.

const readline = require('readline');
const Core = require('@alicloud/pop-core');
const Iot = require('@alicloud/iot20180120');
const { Config, OpenApiRequest, Params } = require('@alicloud/openapi-client');
const rpc = require('@alicloud/rpc-client');
const { ExtendsParameters, RuntimeOptions } = require('@alicloud/tea-util');

const VERSION = '2018-01-20';

async function pop(call) {
  const client = new Core({ ...credentials(call), endpoint: `http://${call.host}${call.path || ''}`, apiVersion: VERSION }, true);
  const [body, entry] = await client.request(call.action, params(call), { method: call.method || 'GET' });
  return { status: entry.response.statusCode, headers: entry.response.headers, body };
}

// A model's method, as a user of the SDK calls it; the answer is the model's, so a wrong shape shows as an empty one.
async function tea(call) {
  const method = call.action[0].toLowerCase() + call.action.slice(1);
  const given = Object.entries(params(call)).map(([name, value]) => [name[0].toLowerCase() + name.slice(1), value]);
  const request = new Iot[`${call.action}Request`](Object.fromEntries(given));
  const runtime = new RuntimeOptions({});
  if (call.queries) {
    runtime.extendsParameters = new ExtendsParameters({ queries: call.queries });
  }
  const answer = await iot(call)[`${method}WithOptions`](request, runtime);
  return { status: answer.statusCode, headers: answer.headers, body: answer.body };
}

// Any Action, by the call that all methods of models go through.
async function teaAny(call) {
  const rules = new Params({
    action: call.action, version: VERSION, protocol: 'HTTPS', pathname: call.path || '/', method: call.method || 'POST',
    authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
  });
  const request = new OpenApiRequest(call.form ? { body: params(call) } : { query: params(call) });
  const answer = await iot(call).callApi(rules, request, new RuntimeOptions({}));
  return { status: answer.statusCode, headers: answer.headers, body: answer.body };
}

function iot(call) {
  return new Iot.default(
    new Config({ ...credentials(call), endpoint: call.host, protocol: 'http', signatureAlgorithm: call.algorithm }),
  );
}

async function rpcClient(call) {
  const client = new rpc.default(new rpc.Config({ ...credentials(call), endpoint: call.host }));
  const method = call.method || 'POST';
  const [query, form] = method === 'POST' ? [null, params(call)] : [params(call), null];
  return { body: await client.doRequest(call.action, 'HTTP', method, VERSION, 'AK', query, form, new RuntimeOptions({})) };
}

function credentials(call) {
  const [accessKeyId, accessKeySecret, securityToken] = call.key;
  return { accessKeyId, accessKeySecret, securityToken };
}

// JSON has no undefined: the names of such parameters come in a list.
function params(call) {
  return { ...call.params, ...Object.fromEntries((call.undefined || []).map((name) => [name, undefined])) };
}

const CLIENTS = { pop, tea, teaAny, rpc: rpcClient };

async function answer(line) {
  const call = JSON.parse(line);
  try {
    return await CLIENTS[call.client](call);
  } catch (error) {
    const status = error.statusCode || (error.entry && error.entry.response.statusCode);
    return { error: { name: error.name, code: error.code, message: error.message, data: error.data, status } };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
})();
