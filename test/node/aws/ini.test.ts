import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseIni, IniError, type IniFile } from "../../../src/node/aws/ini.js";

/** `{ "name": …, "profile name": …, "sso-session name": … }` as plain objects. */
function plain({ bare, profiles, sessions }: IniFile): Record<string, Record<string, string>> {
  const all = [...[...bare].map(([name, section]) => [name, section] as const), ...[...profiles].map(([name, section]) => [`profile ${name}`, section] as const), ...[...sessions].map(([name, section]) => [`sso-session ${name}`, section] as const)];
  return Object.fromEntries(all.map(([name, section]) => [name, Object.fromEntries(section)]));
}

test("the vendor's rules, one by one", () => {
  const rows: [text: string, expected: Record<string, Record<string, string>>][] = [
    ["", {}],
    ["[a]\nk=v", { a: { k: "v" } }],
    ["[a]\r\nk = v \r\nl=w", { a: { k: "v", l: "w" } }],
    ["[a]\n# c\n; c\n  # c\nk=v # c\nl=ab#cd\nm=x ;y\nn=x;y", { a: { k: "v", l: "ab#cd", m: "x", n: "x;y" } }],
    ["k=v\n[a]", {}],
    ["[a]\nK=1\nk=2", { a: { K: "1", k: "2" } }],
    ["[a]\nk=a=b==", { a: { k: "a=b==" } }],
    ['[a]\nk="v"\nl=\'w\'\nm=a\\nb', { a: { k: '"v"', l: "'w'", m: "a\\nb" } }],
    ["[a]\nk=1\n[b]\nk=2\n[a]\nk=3\nl=4", { a: { k: "3", l: "4" }, b: { k: "2" } }],
    ["[a]\ns3 =\n  x = 1\n  y=2\nk=3", { a: { "s3.x": "1", "s3.y": "2", k: "3" } }],
    ["[a]\ns3 =\n  x = 1\n  deep =\n    z = 9\nk=3", { a: { "s3.x": "1", "deep.z": "9", k: "3" } }],
    ["[a]\ns3=\n[b]\n  k=1", { b: { k: "1" } }],
    ["[a]\n=v\nnothing\nk=v", { a: { k: "v" } }],
    ["[profile a]\nk=v", { "profile a": { k: "v" } }],
    ["[profile\ta]\nk=v", { "profile a": { k: "v" } }],
    ["[profile  a]\nk=v", { "profile  a": { k: "v" } }],
    ['[profile "a"]\nk=v', { "profile a": { k: "v" } }],
    ["[profile 'a']\nk=v", { "profile a": { k: "v" } }],
    ['[profile "a b"]\nk=v', { 'profile "a b"': { k: "v" } }],
    ["[profile A-z_0@+.%:/]\nk=v", { "profile A-z_0@+.%:/": { k: "v" } }],
    ["[sso-session s]\nk=v", { "sso-session s": { k: "v" } }],
    ["[services s]\nk=v\n[other s]\nk=v\n[a]\nk=v", { a: { k: "v" } }],
    ["  [a]  \n  k=v", { a: { k: "v" } }],
    ["[a] # c\nk=v", { a: { k: "v" } }],
    ["[a\nk=v\n[b]\nk=v", { b: { k: "v" } }],
    ["\ufeff[a]\nk=v", { a: { k: "v" } }],
    ["[constructor]\ntoString=v\n[profile hasOwnProperty]\nk=v", { constructor: { toString: "v" }, "profile hasOwnProperty": { k: "v" } } as never],
  ];
  for (const [text, expected] of rows) assert.is(JSON.stringify(plain(parseIni(text))), JSON.stringify(expected), JSON.stringify(text));
});

test("__proto__ is refused as a section and as a key", () => {
  const bad = ["[__proto__]\nk=v", "[profile __proto__]\nk=v", '[profile "__proto__"]\nk=v', "[sso-session __proto__]", "[a]\n__proto__=v", "[a]\n__proto__=\n  polluted=1", "[profile a]\ns3=\n  __proto__=1"];
  for (const text of bad) assert.throws(() => parseIni(text), (error: unknown) => error instanceof IniError, text);
  assert.is(({} as { k?: unknown }).k, undefined);
});

test("an empty section is none: an empty [profile default] does not hide [default]", () => {
  assert.equal(plain(parseIni("[profile default]\n[default]\nk=v")), { default: { k: "v" } });
});

test("a large hostile file is read in linear time", () => {
  for (const line of [`[${"a".repeat(500_000)}`, `[profile ${"a b".repeat(100_000)}]`, `${" ".repeat(500_000)}#`, `k${" ".repeat(500_000)}=`]) parseIni(`[a]\n${line}`);
});

test.run();
