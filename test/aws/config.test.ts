/** Grammar, hosts and problems of an AWS configuration. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { arnPlace, awsProblems, isKeyId, keyProblems, parseArn, readKey, resolveEndpoint } from "../../src/aws/config.js";
import { createAwsProvider } from "../../src/aws/index.js";
import type { AddressTrust } from "../../src/options.js";
import { rejects } from "../support/rejects.js";
import { ALIAS, ALIAS_ARN, CREDENTIALS, KEY_ARN, KEY_ID, OTHER_ID, REGION } from "./service.js";

const TRUSTED: AddressTrust = { customEndpoint: true, insecureHttp: false };
const UNTRUSTED: AddressTrust = { customEndpoint: false, insecureHttp: false };

test("every partition has its hosts", () => {
  const rows: [region: string, partition: string, suffix: string, dualStack: string][] = [
    ["eu-central-1", "aws", "amazonaws.com", "api.aws"],
    ["mx-central-1", "aws", "amazonaws.com", "api.aws"],
    ["cn-north-1", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"],
    ["us-gov-west-1", "aws-us-gov", "amazonaws.com", "api.aws"],
    ["eusc-de-east-1", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"],
    ["us-iso-east-1", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"],
    ["us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"],
    ["eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"],
    ["us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"],
    ["zz-nowhere-9", "aws", "amazonaws.com", "api.aws"],
  ];
  for (const [region, partition, suffix, dualStack] of rows) {
    assert.is(arnPlace(region), `arn:${partition}:kms:${region}`);
    const hosts: [boolean, boolean, string][] = [
      [false, false, `kms.${region}.${suffix}`],
      [true, false, `kms-fips.${region}.${suffix}`],
      [false, true, `kms.${region}.${dualStack}`],
      [true, true, `kms-fips.${region}.${dualStack}`],
    ];
    for (const [useFips, useDualStack, host] of hosts) {
      assert.equal(resolveEndpoint({ region, useFips, useDualStack }), { origin: `https://${host}`, host, path: "" });
    }
    assert.equal(awsProblems({ region, keyId: ALIAS }, UNTRUSTED), []);
  }
});

test("a custom endpoint keeps its port and path, and changes nothing else", () => {
  const endpoint = "https://localhost:8443/proxy/a%20b";
  assert.equal(resolveEndpoint({ region: REGION, endpoint }), { origin: "https://localhost:8443", host: "localhost:8443", path: "/proxy/a%20b" });
  assert.equal(awsProblems({ region: REGION, keyId: ALIAS, endpoint }, TRUSTED), []);
  assert.is(resolveEndpoint({ region: REGION, endpoint: "https://KMS.example:443/" }).host, "kms.example");
});

test("an endpoint needs trust, https, and nothing beside it", () => {
  const problemsOf = (members: object, trust = TRUSTED): string[] => awsProblems({ region: REGION, keyId: ALIAS, ...members }, trust);
  assert.match(problemsOf({ endpoint: "https://kms.example" }, UNTRUSTED)[0] ?? "", /allowCustomEndpoint/);
  assert.match(problemsOf({ endpoint: "http://kms.example" })[0] ?? "", /allowInsecureHttp/);
  assert.equal(problemsOf({ endpoint: "http://127.0.0.1:4566" }, { customEndpoint: true, insecureHttp: true }), []);
  for (const flag of ["useFips", "useDualStack"]) {
    assert.is(problemsOf({ endpoint: "https://kms.example", [flag]: true }).length, 1);
    assert.equal(problemsOf({ endpoint: "https://kms.example", [flag]: false }), []);
    assert.is(problemsOf({ [flag]: "yes" }).length, 1);
  }
  const hostile = ["https://user:secret@kms.example", "https://kms.example?x", "https://kms.example#x", "https://kms.example/a/../b", "ftp://kms.example", "data:x", "", "//x", 5, null];
  for (const endpoint of hostile) assert.is(problemsOf({ endpoint }).length, 1, String(endpoint));
});

test("a region is the name of a region", () => {
  const hostile = ["", "us-east-1.evil.example", "us-east-1/", "us-east-1#", "US-EAST-1", "us_east_1", "us-east", "-1", "a".repeat(40), "us-east-1\n", "евро-1", "__proto__"];
  for (const region of hostile) assert.is(awsProblems({ region, keyId: ALIAS }, TRUSTED).length, 1, region);
  for (const region of [undefined, null, 5, {}]) assert.is(awsProblems({ region, keyId: ALIAS }, TRUSTED).length, 1);
  for (const region of ["fips-us-east-1", "us-east-1-fips"]) {
    assert.equal(awsProblems({ region, keyId: ALIAS }, TRUSTED), [`region "${region}" must be the name of an AWS region, such as eu-central-1`]);
  }
});

test("the four forms of a key identifier are read", () => {
  const mrk = "mrk-1234abcd12ab34cd56ef1234567890ab";
  for (const keyId of [KEY_ID, mrk, `mrk-${KEY_ID}`, KEY_ARN, ALIAS, "alias/aws/s3", "alias/a:b/c_d-e", ALIAS_ARN]) {
    assert.equal(keyProblems({ keyId }, REGION), [], keyId);
  }
  assert.equal(parseArn(ALIAS_ARN), { place: "arn:aws:kms:us-east-1", region: REGION, account: "111122223333", name: ALIAS });
  assert.is(parseArn(KEY_ARN)?.name, KEY_ID);
  assert.ok(isKeyId(mrk) && !isKeyId(KEY_ARN) && keyProblems({ keyId: "alias/" }, REGION).length === 1);
});

test("hostile key identifiers are problems, and are not repeated as they are", () => {
  const hostile = [
    ...["", " ", "nope", "../x", "alias/", "alias/..\u2044", "alias/a b", "alias/a\r\nx", "alias/a\0", `alias/${"a".repeat(251)}`, "a".repeat(1_000_000), "\ud800"],
    ...["1234ABCD-12ab-34cd-56ef-1234567890ab", `${KEY_ID}\n`, `${KEY_ID}/..`, "mrk-123", "__proto__", "alias", "Alias/x", "key/1234"],
    ...["arn:aws:s3:::bucket", `arn:aws:kms:${REGION}:1:key/${KEY_ID}`, `arn:aws:kms:${REGION}:111122223333:key/${ALIAS}`],
    ...[`arn:aws:kms:${REGION}:111122223333:alias/`, `arn:aws:kms:${REGION}:111122223333:${KEY_ID}`, `arn:aws:kms::111122223333:key/${KEY_ID}`, `${KEY_ARN}?x`],
  ];
  for (const keyId of hostile) {
    const problems = keyProblems({ keyId }, REGION);
    assert.is(problems.length, 1, keyId.slice(0, 50));
    assert.ok((problems[0] as string).length < 250 && !/[\r\n\0]/.test(problems[0] as string));
  }
  for (const keyId of [undefined, null, 5, {}, [ALIAS]]) assert.is(keyProblems({ keyId }, REGION).length, 1);
});

test("an ARN must be of the configured region and its partition", () => {
  assert.match(keyProblems({ keyId: KEY_ARN }, "eu-west-1")[0] ?? "", /must be an ARN of arn:aws:kms:eu-west-1$/);
  assert.match(keyProblems({ keyId: KEY_ARN.replace("arn:aws:", "arn:aws-cn:") }, REGION)[0] ?? "", /must be an ARN of arn:aws:kms:us-east-1$/);
  assert.equal(keyProblems({ keyId: `arn:aws-cn:kms:cn-north-1:111122223333:${ALIAS}` }, "cn-north-1"), []);
});

test("a version is a key id, and needs an alias", () => {
  assert.equal(keyProblems({ keyId: ALIAS, keyVersion: KEY_ID }, REGION), []);
  assert.equal(keyProblems({ keyId: KEY_ID, keyVersion: KEY_ID }, REGION), []);
  assert.equal(keyProblems({ keyId: KEY_ARN, keyVersion: KEY_ID }, REGION), []);
  assert.is(keyProblems({ keyId: KEY_ID, keyVersion: OTHER_ID }, REGION).length, 1);
  for (const keyVersion of ["", "1", KEY_ARN, ALIAS, "../x", 1, null]) assert.is(keyProblems({ keyId: ALIAS, keyVersion }, REGION).length, 1);
});

test("what a request names: the identifier, or the key that a version is", () => {
  const targets: [keyId: string, keyVersion: string | undefined, target: string, id: string | undefined][] = [
    [KEY_ID, undefined, KEY_ID, KEY_ID],
    [KEY_ARN, KEY_ID, KEY_ARN, KEY_ID],
    [ALIAS, undefined, ALIAS, undefined],
    [ALIAS, OTHER_ID, OTHER_ID, OTHER_ID],
    [ALIAS_ARN, undefined, ALIAS_ARN, undefined],
    [ALIAS_ARN, OTHER_ID, `arn:aws:kms:${REGION}:111122223333:key/${OTHER_ID}`, OTHER_ID],
  ];
  for (const [keyId, keyVersion, target, id] of targets) {
    const key = readKey({ keyId, keyVersion }, REGION);
    assert.is(key.target, target);
    assert.is(key.id, id);
    assert.is(key.configured, keyId);
  }
  assert.is(readKey({ keyId: ALIAS_ARN }, REGION).alias, ALIAS);
  assert.is(readKey({ keyId: ALIAS_ARN }, REGION).account, "111122223333");
});

test("all problems come at once, and only own members count", () => {
  const data = { region: "nowhere", keyId: "nope", useFips: 1, endpoint: "x" };
  assert.is(awsProblems(data, UNTRUSTED).length, 5);
  const inherited = Object.create({ region: REGION, keyId: ALIAS, endpoint: "https://evil.example" }) as Record<string, unknown>;
  assert.is(awsProblems(inherited, TRUSTED).length, 2);
});

test("a provider refuses all that is wrong with its options, in one error", async () => {
  const bad = { region: "x", useFips: 1, grantTokens: ["a b"], hasher: {}, env: 1, credentials: "secret-text", unknown: 1, headers: { "x-amz-date": "x" }, endpoint: "http://x" };
  const error = await rejects(() => createAwsProvider(bad as never), "ERR_KMS_CONFIG");
  assert.is((error as unknown as { problems: string[] }).problems.length, 9);
  assert.not.match(JSON.stringify(error), /secret-text/);
  for (const options of [undefined, null, [], "x"]) await rejects(() => createAwsProvider(options as never), "ERR_KMS_CONFIG");
  await rejects(() => createAwsProvider({ region: REGION, credentials: { accessKeyId: "A/B", secretAccessKey: "x" } }), "ERR_KMS_CREDENTIALS");
  await rejects(() => createAwsProvider({ region: REGION, credentials: CREDENTIALS, grantTokens: Array<string>(11).fill("t") }), "ERR_KMS_CONFIG");
  await rejects(() => createAwsProvider({ region: REGION, endpoint: "https://kms.example", allowCustomEndpoint: false }), "ERR_KMS_CONFIG");
});

test.run();
