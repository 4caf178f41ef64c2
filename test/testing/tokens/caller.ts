/** Requests to the emulated token services as their clients make them, and a clock that tests set. */
import { createSigV4Signer } from "../../../src/aws/signer.js";
import type { AwsEmulatorCredentials, TokenEmulator } from "../../../src/testing/index.js";

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is no JSON. */
  // Tests look into every corner of it.
  readonly body: any;
}

/** 2026-01-01, the base time of the vectors, in milliseconds. */
export const BASE = 1_767_225_600_000;

export interface TestClock {
  ms: number;
  readonly now: () => number;
}

export function testClock(ms = BASE): TestClock {
  const clock = { ms, now: () => clock.ms };
  return clock;
}

export interface Sending {
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export async function send(emulator: { fetch: TokenEmulator["fetch"] }, method: string, url: string, { headers = {}, body }: Sending = {}): Promise<Answered> {
  const response = await emulator.fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function form(fields: Readonly<Record<string, string>>): Sending {
  return { headers: { "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams(fields).toString() };
}

export const TEST_CREDENTIALS: AwsEmulatorCredentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

export interface StsSending {
  readonly region?: string;
  readonly url?: string;
  readonly credentials?: AwsEmulatorCredentials;
  readonly now?: () => number;
  readonly signed?: boolean;
}

/** One action of STS with these parameters, signed by our own signer unless told otherwise. */
export async function callSts(emulator: TokenEmulator, action: string, parameters: Readonly<Record<string, string>>, sending: StsSending = {}): Promise<Answered> {
  const { region = "eu-central-1", url = `https://sts.${region}.amazonaws.com/`, credentials = TEST_CREDENTIALS, signed = true, now } = sending;
  const { headers = {}, body = "" } = form({ Action: action, Version: "2011-06-15", ...parameters });
  if (!signed) return send(emulator, "POST", url, { headers, body });
  const signer = createSigV4Signer({ region, service: "sts", credentials: credentials as never, now: now ?? (() => emulator.now()) });
  const { headers: sent } = await signer.sign({ method: "POST", url, headers, body });
  return send(emulator, "POST", url, { headers: sent, body });
}

/** The text of the first element of a name; entities are resolved. */
export function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text
    ?.replace(/&#x([0-9a-f]+);/gi, (_match, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_match, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_match, name: string) => ({ lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" })[name] ?? "");
}

/** `status code` of an STS failure, `status` alone otherwise. */
export function outcome({ status, text }: Answered): string {
  return `${status} ${element(text, "Code") ?? ""}`.trim();
}

/** The code of the cause of a fetch that failed. */
export async function failure(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return "answered";
  } catch (error) {
    return String(((error as Error).cause as { code?: string } | undefined)?.code);
  }
}
