import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { splitWindowsWords, splitWords } from "../../../src/node/aws/process.js";
import { awsFromProcess } from "../../../src/node/index.js";
import { ask, assertNothingPlanted, fails, malformed, NOW, PLANTED } from "../../aws/credentials/support.js";
import { rejects } from "../../support/rejects.js";
import { timers } from "../../support/run-send.js";

let folder = "";
test.before(() => void (folder = mkdtempSync(join(tmpdir(), "knhk-kms-"))));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const MEMBERS = { Version: 1, AccessKeyId: "ASIAEXAMPLE", SecretAccessKey: "secret/+=", SessionToken: "token/+==", Expiration: "2026-01-15T09:09:10Z" };
const now = (): number => NOW;

/** A program of this text; its command line. */
function program(text: string, ...args: readonly string[]): string {
  const file = join(folder, `program-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(file, text);
  return ['"' + process.execPath + '"', `"${file}"`, ...args].join(" ");
}

const printing = (value: unknown): string => program(`process.stdout.write(${JSON.stringify(typeof value === "string" ? value : JSON.stringify(value))});`);

test("what the program prints", async () => {
  assert.equal(await awsFromProcess({ command: printing(MEMBERS), now })(ask), { accessKeyId: "ASIAEXAMPLE", secretAccessKey: "secret/+=", sessionToken: "token/+==", expiresAt: new Date("2026-01-15T09:09:10Z") });
  const { SessionToken: _, Expiration: __, ...bare } = MEMBERS;
  const got = await awsFromProcess({ command: printing(`\n${JSON.stringify({ ...bare, AccountId: "1", SessionToken: "", Expiration: "" })}\n`), now })(ask);
  assert.is(got.sessionToken, undefined);
  assert.equal(got.expiresAt, new Date(NOW + 300_000)); // asked for again
  assert.equal((await awsFromProcess({ command: printing({ ...MEMBERS, Expiration: "2026-06-15T09:09:10Z" }), now })(ask)).expiresAt, new Date(NOW + 86_400_000));
});

test("no shell: what a shell would run or expand is an argument", async () => {
  const text = "process.stdout.write(JSON.stringify({ Version: 1, AccessKeyId: 'A', SecretAccessKey: process.argv.slice(2).join('_') }));";
  const marker = join(folder, "marker");
  const command = program(text, `$HOME ~ ; touch ${marker} && \`touch ${marker}\` $(touch ${marker}) | cat > ${marker} * 'single quoted'`.replace(" 'single quoted'", ""), "'a'");
  const { secretAccessKey } = await awsFromProcess({ command, now })(ask);
  assert.match(secretAccessKey, "$HOME_~_;_touch");
  assert.match(secretAccessKey, "|_cat_>");
  assert.not.ok(existsSync(marker));
});

test("a program that cannot be used", async () => {
  const rows: [command: string, message: RegExp, retryable?: boolean][] = [
    [join(folder, "missing"), /the program was not found/],
    [folder, /the program could not be started|not found/],
    ["''", /the command line is empty/],
    ["'unclosed", /has a quote that does not end/],
    [program(`process.stdout.write(${JSON.stringify(JSON.stringify(MEMBERS))}); process.exitCode = 3;`), /ended with code 3/],
    [program(`console.error("${PLANTED}"); process.exit(1);`), /ended with code 1/],
    [program("process.kill(process.pid, 'SIGKILL');"), /was killed/],
    [printing(""), /did not print one JSON text/],
    [printing(PLANTED), /did not print one JSON text/],
    [printing(`${JSON.stringify(MEMBERS)}${JSON.stringify(MEMBERS)}`), /did not print one JSON text/],
    [printing("[]"), /the body is not an object/],
    [printing({ ...MEMBERS, Version: 2 }), /Version is not 1/],
    [printing({ ...MEMBERS, Version: "1" }), /Version is not 1/],
    [printing({ ...MEMBERS, Expiration: "2026-01-15T08:09:10Z" }), /have expired/, true],
    [printing({ ...MEMBERS, Expiration: "soon" }), /not a time/],
    [printing({ ...MEMBERS, Expiration: "9999-01-01T00:00:00Z" }), /more than a year ahead/],
    [program("process.stdout.write('x'.repeat(70_000)); setInterval(() => {}, 1000);"), /printed more than 65536 bytes/],
  ];
  for (const [command, message, retryable] of rows) {
    const error = await fails(awsFromProcess({ command, now }), message, retryable);
    assert.match(error.message, /^credential_process: /);
  }
});

test("hostile output", async () => {
  const { AccessKeyId, SecretAccessKey } = MEMBERS;
  // Each case is a process, so every fifth of them will do.
  const cases = malformed({ AccessKeyId, SecretAccessKey }).filter((_case, index) => index % 5 === 0);
  for (const members of cases) await fails(awsFromProcess({ command: printing({ Version: 1, ...members }), now }), /response invalid/);
});

test("a program that hangs is killed, when its time or the call is over; nothing is left", async () => {
  const before = timers();
  const command = program("setInterval(() => {}, 1000);");
  await fails(awsFromProcess({ command, timeoutMs: 50, now }), /the program took too long/, true);
  const controller = new AbortController();
  const pending = awsFromProcess({ command, now })({ signal: controller.signal, refused: false });
  controller.abort();
  assertNothingPlanted(await rejects(pending, "ERR_KMS_CREDENTIALS"));
  await rejects(awsFromProcess({ command, now })({ signal: AbortSignal.abort(), refused: false }), "ERR_KMS_CREDENTIALS");
  assert.is(timers(), before);
});

test("unknown and mistyped options are problems at creation", async () => {
  for (const bad of [undefined, {}, { command: "" }, { command: ["a"] }, { command: "a\nb" }, { command: "a", shell: true }, { command: "a", timeoutMs: 0 }]) await rejects(() => awsFromProcess(bad as never), "ERR_KMS_CONFIG");
});

test("words as shlex.split of Python has them", () => {
  const rows: [text: string, words: string[] | undefined][] = [
    ["", []],
    ["  ", []],
    ["a b\tc\nd", ["a", "b", "c", "d"]],
    ["'a b' \"c d\"", ["a b", "c d"]],
    ["a'b'\"c\"d", ["abcd"]],
    ["''", [""]],
    ['a "" b', ["a", "", "b"]],
    ["a\\ b", ["a b"]],
    ["\\'a\\\"", ["'a\""]],
    ["'a\\b'", ["a\\b"]],
    ['"a\\"b\\\\c\\d\\$e"', ['a"b\\c\\d\\$e']],
    ["'a\"b'", ['a"b']],
    ["\"a'b\"", ["a'b"]],
    ["$HOME ~ `x` $(y) ; | & > <", ["$HOME", "~", "`x`", "$(y)", ";", "|", "&", ">", "<"]],
    ["a # b", ["a", "#", "b"]],
    ["'a", undefined],
    ['"a', undefined],
    ['"a\\"', undefined],
    ["a\\", undefined],
  ];
  for (const [text, words] of rows) assert.equal(splitWords(text), words, text);
});

test("words on Windows: a backslash is special before a double quote only", () => {
  const rows: [text: string, words: string[] | undefined][] = [
    ["", []],
    ["C:\\tools\\get.exe --x", ["C:\\tools\\get.exe", "--x"]],
    ['"C:\\Program Files\\get.exe" a', ["C:\\Program Files\\get.exe", "a"]],
    ['a\\"b', ['a"b']],
    ['a\\\\"b c"', ["a\\b c"]],
    ['a\\\\\\"b', ['a\\"b']],
    ["'a b'", ["'a", "b'"]],
    ['""', [""]],
    ['a "" b', ["a", "", "b"]],
    ['"a', undefined],
    ['"a\\\\" b', ["a\\", "b"]],
  ];
  for (const [text, words] of rows) assert.equal(splitWindowsWords(text), words, text);
});

test.run();
