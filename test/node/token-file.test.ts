import { mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fromContainer, fromWebIdentity } from "../../src/aws/index.js";
import { fileToken, readTokenFile } from "../../src/node/index.js";
import { rejects } from "../support/rejects.js";

let folder = "";
test.before.each(() => void (folder = mkdtempSync(join(tmpdir(), "knhk-kms-"))));
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string): string => join(folder, name);

test("F48 the content without white space at its end, read anew each time, also behind a link that is replaced", async () => {
  writeFileSync(file("one"), "jwt-1\n");
  writeFileSync(file("two"), "jwt-2\r\n \n");
  symlinkSync("one", file("token"));
  const read = fileToken(file("token"));
  assert.is(await read(), "jwt-1");
  unlinkSync(file("token"));
  symlinkSync("two", file("token"));
  assert.is(await read({ signal: new AbortController().signal }), "jwt-2");
  assert.is(await readTokenFile(file("two")), "jwt-2");
  writeFileSync(file("one"), " x");
  assert.is(await readTokenFile(file("one")), " x");
});

test("F48 missing, empty, too large, a folder, no text", async () => {
  writeFileSync(file("empty"), "");
  writeFileSync(file("blank"), "\n \n");
  writeFileSync(file("large"), "x".repeat(10_485_760));
  writeFileSync(file("fits"), "x".repeat(65_536));
  writeFileSync(file("binary"), Uint8Array.of(0x61, 0xff, 0xfe));
  const rows: [name: string, message: RegExp, retryable: boolean][] = [
    ["missing", /does not exist$/, true],
    ["empty/below", /does not exist$/, true],
    ["empty", /is empty$/, true],
    ["blank", /is empty$/, true],
    ["large", /is larger than 65536 bytes$/, false],
    ["", /is a folder$/, false],
    ["binary", /is not UTF-8$/, false],
  ];
  for (const [name, message, retryable] of rows) {
    const error = await rejects(readTokenFile(file(name)), "ERR_KMS_CREDENTIALS");
    assert.match(error.message, /^token file: "/);
    assert.match(error.message, message);
    assert.is(error.retryable, retryable, name);
  }
  assert.is((await readTokenFile(file("fits"))).length, 65_536);
});

test("it is the reader of the sources that name a file by the environment", async () => {
  writeFileSync(file("token"), "let-me-in\n");
  const seen: (string | undefined)[] = [];
  const fetch = async (_url: string, { headers, body }: RequestInit): Promise<Response> => {
    seen.push((headers as Record<string, string>).authorization ?? new URLSearchParams(body as string).get("WebIdentityToken") ?? undefined);
    return new Response("{}", { status: 403 });
  };
  const ask = { signal: new AbortController().signal, refused: false };
  await rejects(fromContainer({ env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: "https://x.example/", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file("token") }, readFile: readTokenFile, fetch })(ask), "ERR_KMS_CREDENTIALS");
  await rejects(fromWebIdentity({ region: "us-east-1", env: { AWS_ROLE_ARN: "arn:aws:iam::111122223333:role/r", AWS_WEB_IDENTITY_TOKEN_FILE: file("token") }, readFile: readTokenFile, fetch })(ask), "ERR_KMS_CREDENTIALS");
  assert.equal(seen, ["let-me-in", "let-me-in"]);
});

test.run();
