/** Credential caches under one clock that the tests move. */
import { CredentialCache, readExpiresAt, readSecret, type CredentialAsk, type CredentialOption } from "../../src/credentials/cached.js";

export interface Token {
  readonly token: string;
  readonly expiresAt?: Date | undefined;
  readonly refreshAt?: Date | undefined;
}

/** Milliseconds since 1970; each test file sets it before each test. */
export const clock = { now: 0 };

export const START = 1_000_000;

export function makeCache(source: CredentialOption<Token>, random = 0): CredentialCache<Token> {
  const check = (value: unknown): Token => {
    const token = readSecret(value, "token");
    const { expiresAt, refreshAt } = value as Token;
    return { token, expiresAt: readExpiresAt(expiresAt), refreshAt: readExpiresAt(refreshAt, "refreshAt") };
  };
  return new CredentialCache<Token>({ provider: "fake", source, check, now: () => clock.now, random: () => random, scope: "the-scope" });
}

/** A source that gives `t1`, `t2`, …, each for so long, and notes what it was told. */
export function minting(lifeMs: number | undefined): ((ask: CredentialAsk) => Token) & { asks: CredentialAsk[] } {
  const asks: CredentialAsk[] = [];
  const source = (ask: CredentialAsk): Token => {
    asks.push(ask);
    const token = `t${asks.length}`;
    return lifeMs === undefined ? { token } : { token, expiresAt: new Date(clock.now + lifeMs) };
  };
  return Object.assign(source, { asks });
}
