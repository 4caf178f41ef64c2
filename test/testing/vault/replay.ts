/** Sends recorded requests to an emulator and compares its answers with the recorded ones, as far as these do not depend on chance. */
import { constants, createPublicKey, publicDecrypt, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import type { VaultEmulator } from "../../../src/testing/index.js";

/** How a signature in an answer is to be checked; see the README of the fixtures. */
export interface SignatureCheck {
  readonly at: string;
  readonly key: string;
  readonly version: number;
  readonly scheme: string;
  readonly hash?: string;
  readonly encoding?: string;
  readonly text: "base64" | "base64url";
  readonly message: string;
  readonly saltLength?: number;
  readonly publicKey?: string;
}

export interface Exchange {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly headers: Record<string, string>; readonly body: unknown };
  readonly response: { readonly status: number; readonly headers: Record<string, string>; readonly body: unknown };
  readonly verify?: SignatureCheck | readonly SignatureCheck[];
}

export interface ReplayOptions {
  /** Sent in place of `<token>`. */
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** What is sent in place of texts such as `<secret_id>`. */
  readonly replace?: Readonly<Record<string, string>>;
  /** Where the keys of `verify` are. */
  readonly namespace?: string;
  readonly mount?: string;
}

const COMPARED_HEADERS = ["content-type", "cache-control", "location", "retry-after", "x-vault-namespace"];

export function readExchanges(file: string): Exchange[] {
  return JSON.parse(readFileSync(`fixtures/vault/recorded-openbao/${file}`, "utf8")) as Exchange[];
}

/** Replays one file; signatures and HMACs that the emulator made take the place of recorded ones in later requests. */
export class Replay {
  readonly #vault: VaultEmulator;
  readonly #ours = new Map<string, string>();

  constructor(vault: VaultEmulator) {
    this.#vault = vault;
  }

  async check(exchange: Exchange, options: ReplayOptions = {}): Promise<void> {
    const response = await this.#send(exchange, options);
    const text = await response.text();
    const { status, headers, body } = exchange.response;
    assert.is(response.status, status, `status; ${text}`);
    const shown = (all: Record<string, string>): unknown => COMPARED_HEADERS.map((name) => `${name}: ${all[name] ?? "none"}`);
    assert.equal(shown(Object.fromEntries(response.headers)), shown(headers), "headers");
    const actual: unknown = text === "" ? null : JSON.parse(text);
    // What was wrapped is handed out as it was kept, without one (seen, not recorded: bodies are recorded parsed).
    const isUnwrapped = exchange.request.path.endsWith("/unwrap") && status === 200;
    assert.is(text === "" || text.endsWith("\n"), !isUnwrapped, "line feed at the end");
    assert.equal(steady(actual), steady(body), "body");
    this.#learn(body, actual);
    const checks = exchange.verify === undefined ? [] : [exchange.verify].flat();
    for (const check of checks as SignatureCheck[]) if (!check.at.startsWith("request.")) this.#checkSignature(check, actual, options);
  }

  #send({ request }: Exchange, options: ReplayOptions): Promise<Response> {
    const headers = new Headers({ ...request.headers, ...options.headers });
    const replacements = Object.entries(options.replace ?? {});
    for (const [name, value] of [...headers]) {
      for (const [placeholder, actual] of replacements) if (value === placeholder) headers.set(name, actual);
    }
    for (const name of ["x-vault-token", "authorization"]) {
      const value = headers.get(name);
      if (value?.includes("<token>") === true) headers.set(name, value.replace("<token>", options.token ?? this.#vault.token));
    }
    const sent = "body" in options ? options.body : request.body;
    let body = sent === null ? null : typeof sent === "string" ? sent : JSON.stringify(sent);
    for (const [placeholder, actual] of replacements) body = body?.replaceAll(placeholder, actual) ?? null;
    for (const [recorded, ours] of this.#ours) body = body?.replaceAll(recorded, ours) ?? null;
    return this.#vault.fetch(new URL(this.#vault.address).origin + request.path, { method: request.method, headers, body });
  }

  #learn(recorded: unknown, ours: unknown): void {
    if (typeof recorded === "string" && typeof ours === "string" && /^vault:v\d+:./.test(recorded)) {
      const before = this.#ours.get(recorded);
      if (before !== undefined) assert.is(ours, before, "the same value as before, where the recorded server gave the same");
      this.#ours.set(recorded, ours);
    } else if (typeof recorded === "object" && recorded !== null) {
      for (const name of Object.keys(recorded)) this.#learn(at(recorded, name), at(ours, name));
    }
  }

  #checkSignature(check: SignatureCheck, body: unknown, { namespace = "", mount = "transit" }: ReplayOptions): void {
    const value = check.at.split(".").reduce(at, body);
    const [, version, text = ""] = /^vault:v(\d+):(.+)$/.exec(value as string) ?? [];
    assert.is(Number(version), check.version);
    const signature = Buffer.from(text, check.text);
    assert.is(signature.toString(check.text), text, `plain ${check.text}`);
    const holder = check.at.split(".").slice(0, -1).reduce(at, body) as { public_key?: string; publickey?: string };
    const derived = check.publicKey === undefined ? undefined : (holder.public_key ?? holder.publickey);
    const found = this.#vault.key(check.key, { namespace, mount })?.versions.find((entry) => entry.version === check.version);
    const key = derived === undefined ? createPublicKey(found?.publicKeyPem as string) : ed25519Key(derived);
    assert.is(nodeVerify(check, key, signature), true, "the signature verifies with node:crypto");
  }
}

function nodeVerify(check: SignatureCheck, key: KeyObject, signature: Buffer): boolean {
  const message = Buffer.from(check.message, "base64");
  if (check.scheme === "rsa-pkcs1-raw") return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature).equals(message);
  const pss = check.scheme === "rsa-pss" ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: check.saltLength as number } : {};
  const dsaEncoding = check.encoding === "p1363" ? "ieee-p1363" : "der";
  return verify(check.hash ?? null, message, { key, dsaEncoding, ...pss }, signature);
}

function ed25519Key(base64: string): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(base64, "base64").toString("base64url") }, format: "jwk" });
}

function at(value: unknown, name: string): unknown {
  return (value as Record<string, unknown> | null | undefined)?.[name];
}

/** The value without what chance, time and the recording's stand-ins decide; forms and lengths stay. */
export function steady(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => steady(item));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, steady(inner, key)]));
  }
  return typeof value === "string" ? steadyText(value, name) : steadyNumber(value, name);
}

const CHANCE = new Set([
  "request_id",
  "cluster_id",
  "cluster_name",
  "accessor",
  "wrapped_accessor",
  "id",
  "entity_id",
  "role_id",
  "secret_id",
  "secret_id_accessor",
  "mfa_request_id",
  "client_token",
  "token",
  "uuid",
  "commit_date",
  "expire_time",
  "issue_time",
]);

function steadyText(value: string, name: string): string {
  const signed = /^vault:v(\d+):(.+)$/.exec(value);
  if (signed !== null) return `vault:v${signed[1]}: text`;
  if (/^\d{4}-\d\d-\d\dT[0-9:]+(?:\.\d*[1-9])?Z$/.test(value)) return "a time";
  if ((name === "public_key" || name === "publickey") && value !== "") return value.replace(/[A-Za-z0-9+/]/g, "x");
  return CHANCE.has(name) && value !== "" ? `some ${name}` : value;
}

const UNIX_TIMES = new Set(["creation_time", "last_renewal_time"]);

function steadyNumber(value: unknown, name: string): unknown {
  if (typeof value !== "number") return value;
  if (name === "ttl") return `about ${10 * Math.round(value / 10)}`;
  return (/^\d+$/.test(name) && value > 1e9) || name === "server_time_utc" || UNIX_TIMES.has(name) ? "a Unix time" : value;
}
