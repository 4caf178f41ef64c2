/** Contract: a `keyVersion` comes with the message. What is none of this key's is `false`, and is asked about nowhere. */
import type { RecordedRequest } from "../faults.js";
import type { ContractCase } from "../contract.js";
import { messageOf, type Bench } from "./bench.js";
import { expect } from "./expect.js";
import { defaultFor } from "./facts.js";

/** Of every service, for each has to refuse those of the others. */
const FOREIGN: readonly string[] = [
  "0",
  "-1",
  "1.5",
  "01",
  "+1",
  "1e0",
  "0x1",
  "99999999999999999999",
  "١",
  "latest",
  "current",
  "vault:v1",
  "v1",
  "..",
  "../x",
  "../another-key",
  "%2e%2e%2fanother-key",
  "..\\another-key",
  "1/../../another-key",
  "1/sign",
  "1?api-version=another",
  "1#another",
  "//another.example/",
  "https://another.example/keys/another/0123456789abcdef0123456789abcdef",
  "https://another.vault.azure.net/keys/another/0123456789abcdef0123456789abcdef",
  "alias/another",
  "alias/another/versions/1",
  "arn:aws:kms:eu-central-1:999999999999:key/11111111-2222-3333-4444-555555555555",
  "arn:aws:kms:eu-central-1:999999999999:alias/another",
  "11111111-2222-3333-4444-555555555555/another",
  "11111111-2222-3333-4444-555555555555\r\nx: another",
  "another\0",
  "another\r\nx-another: 1",
  "another key",
  "\ud800another",
  "__proto__",
  "constructor",
  "toString",
];

/** Well formed, so a service may be asked about this key with it. */
const UNKNOWN: readonly string[] = ["999999999", "0123456789abcdef0123456789abcdef", "11111111-2222-3333-4444-555555555555", "mrk-0123456789abcdef0123456789abcdef"];

export function foreignVersionCases(bench: Bench): ContractCase[] {
  return [
    { name: "verify: a version that no key has is false, and no request names it", run: () => refusesTexts(bench) },
    { name: "verify: a version that is not text is false", run: () => refusesValues(bench) },
    { name: "verify: another key's version is false, and no request asks about it", run: () => refusesOtherVersions(bench) },
  ];
}

async function refusesTexts(bench: Bench): Promise<void> {
  const data = messageOf(1);
  const signed = await (await bench.managerOf(bench.quick)).sign(data, { algorithm: defaultFor(bench.quick) });
  const texts = [...FOREIGN, ...UNKNOWN, ...(bench.subject.foreignVersions ?? []), "", "x".repeat(1_048_576), `${signed.keyVersion} `, `${signed.keyVersion}\n`];
  for (const keyVersion of texts) {
    const kms = await bench.openShared(bench.quick); // nothing cached
    const wellFormed = UNKNOWN.includes(keyVersion);
    const requests = await bench.requestsOf(async () => {
      expect(!(await kms.verify(data, { ...signed, keyVersion })), `verify to be false for version ${JSON.stringify(keyVersion.slice(0, 80))}`);
    });
    // One or two characters are in every request; and with this key's own name in it a request asks about this key.
    const asked = requests.find((request) => keyVersion.length > 2 && names(request, keyVersion) && !(wellFormed && names(request, kms.keyId)));
    expect(asked === undefined, `no request that names version ${JSON.stringify(keyVersion.slice(0, 80))}`);
    expect(!requests.some((request) => names(request, "another")), "no request about another key");
  }
}

async function refusesValues(bench: Bench): Promise<void> {
  const kms = await bench.managerOf(bench.quick);
  const data = messageOf(2);
  const signed = await kms.sign(data);
  for (const keyVersion of [null, 0, 1, true, {}, [signed.keyVersion], { toString: () => signed.keyVersion }]) {
    expect(!(await kms.verify(data, { ...signed, keyVersion: keyVersion as never })), `verify to be false for a version of type ${typeof keyVersion}`);
  }
}

/** Where versions are counted they can have the same name; then the signature decides. */
async function refusesOtherVersions(bench: Bench): Promise<void> {
  const data = messageOf(3);
  for (const keyType of bench.families) {
    const other = await bench.otherManagerOf(keyType);
    const signed = await other.sign(data, { algorithm: defaultFor(keyType) });
    for (const remote of bench.lacks("verify") ? [false] : [false, true]) {
      const kms = await bench.openShared(keyType);
      const requests = await bench.requestsOf(async () => {
        expect(!(await kms.verify(data, signed, { remote })), "a signature that another key made not to verify under the version that it names");
      });
      expect(!requests.some((request) => names(request, other.keyId)), "no request that names the other key");
      const astray = requests.find((request) => signed.keyVersion.length > 2 && names(request, signed.keyVersion) && !names(request, kms.keyId));
      expect(astray === undefined, "no request that asks for the other key by its version");
    }
  }
}

/** Address and body only: headers hold a signature or a token, in which anything can turn up. */
function names({ url, body }: RecordedRequest, text: string): boolean {
  return url.includes(text) || url.includes(encodeURIComponent(toWellFormed(text))) || body.includes(text) || body.includes(JSON.stringify(text).slice(1, -1));
}

/** `encodeURIComponent` throws for half of a surrogate pair. */
function toWellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/g, "\ufffd");
}
