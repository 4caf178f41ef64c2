/** The signed request for a login at Vault, against the computed vector of the wire facts. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { vaultIamRequest } from "../../../src/aws/index.js";
import { ConfigError } from "../../../src/errors.js";
import { rejects } from "../../support/rejects.js";

const test = suite("vault iam request");

const { cases } = JSON.parse(readFileSync("fixtures/vault/auth.json", "utf8")) as { cases: { id: string; request: any; sigv4: any }[] };
const vector = cases.find(({ id }) => id === "aws-iam")!;
const { access_key_id: accessKeyId, secret_access_key: secretAccessKey } = vector.sigv4;
const credentials = { accessKeyId, secretAccessKey };
const now = (): number => Date.parse("2026-05-04T09:30:15Z");
const decode = (text: string): string => Buffer.from(text, "base64").toString();

test("the vector: URL, body, and every header but a length that is not signed", async () => {
  const made = await vaultIamRequest({ credentials, region: "us-east-1", serverId: "vault.example.com", now })();
  const { role: _, iam_request_headers: headers, ...rest } = vector.request.body;
  assert.equal({ ...made, iam_request_headers: undefined }, { ...rest, iam_request_headers: undefined });
  const { "Content-Length": _length, ...expected } = JSON.parse(decode(headers));
  assert.equal(JSON.parse(decode(made.iam_request_headers)), expected);
});

test("session credentials, regions, an endpoint, no server id; signed anew each time", async () => {
  const headersOf = async (options: Partial<Parameters<typeof vaultIamRequest>[0]>) => {
    const made = await vaultIamRequest({ credentials, region: "us-east-1", now, ...options })();
    return { url: decode(made.iam_request_url), headers: JSON.parse(decode(made.iam_request_headers)) as Record<string, string[]> };
  };
  const session = await headersOf({ credentials: async () => ({ ...credentials, sessionToken: "session" }) });
  assert.equal(session.headers["X-Amz-Security-Token"], ["session"]);
  assert.match(session.headers.Authorization?.[0] ?? "", /SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,/);
  assert.is(session.headers["X-Vault-AWS-IAM-Server-ID"], undefined);
  const hosts = { "eu-central-1": "sts.eu-central-1.amazonaws.com", "cn-north-1": "sts.cn-north-1.amazonaws.com.cn", "us-east-1": "sts.amazonaws.com" };
  for (const [region, host] of Object.entries(hosts)) {
    const { url, headers } = await headersOf({ region });
    assert.equal([url, headers.Host], [`https://${host}/`, [host]]);
    assert.ok(headers.Authorization?.[0]?.includes(`/20260504/${region}/sts/aws4_request`));
  }
  assert.is((await headersOf({ endpoint: "https://sts.us-east-1.amazonaws.com" })).url, "https://sts.us-east-1.amazonaws.com/");
  let time = now();
  const sign = vaultIamRequest({ credentials, region: "us-east-1", now: () => time });
  const first = await sign();
  time += 60_000;
  assert.is.not((await sign()).iam_request_headers, first.iam_request_headers);
});

test("options", async () => {
  const refuses = async (options: unknown, ...problems: RegExp[]): Promise<void> => {
    const error = (await rejects(() => vaultIamRequest(options as never), "ERR_KMS_CONFIG")) as ConfigError;
    assert.is(error.problems.length, problems.length, error.message);
    problems.forEach((problem, index) => assert.match(error.problems[index] as string, problem));
  };
  await refuses({}, /credentials must/, /region must/);
  await refuses({ credentials, region: "us east", serverId: "a\r\nb", endpoint: "http://sts.example", now: 5 }, /region must/, /serverId must/, /endpoint must/, /now must/);
  await refuses({ credentials, region: "us-east-1", serverID: "x" }, /unknown option "serverID"/);
  await rejects(() => vaultIamRequest({ credentials: {} as never, region: "us-east-1" }), "ERR_KMS_CREDENTIALS");
});

test.run();
