/**
 * The emulators as msw handlers, and the clients on the platform's own fetch: what a user of the library has in tests,
 * and the way a request goes through a real fetch. A part of the suite is enough, for the rest was run without msw.
 */
import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { contractCases } from "../../src/testing/index.js";
import { awsSubject, azureSubject, vaultSubject } from "./subjects.js";

const subjects = [vaultSubject({ fetch: "global" }), awsSubject("alias", { fetch: "global" }), azureSubject({ fetch: "global" })];
const hosts = ["https://vault.example:8200", "https://kms.eu-central-1.amazonaws.com", "https://example-vault.vault.azure.net"];

/** What an emulator rejects with is a broken connection; msw would make a page with status 500 of it. */
const server = setupServer(
  ...subjects.map(({ emulator }, index) => http.all(`${hosts[index]}/*`, ({ request }) => emulator.fetch(request).catch(() => HttpResponse.error()))),
);

/** All that one type of key does, and faults that a fetch can tell of in its own way. */
const PART = /^P-256|^sign: (survives|is aborted|ends)|^rotateKey: .* sent once|a version that no key has|a key that does not exist|while the key rotates|events tell|held a secret/;

const test = suite("msw");

test.before(() => server.listen({ onUnhandledRequest: "error" }));
test.after.each(() => server.resetHandlers());
test.after(() => server.close());

for (const subject of subjects) {
  for (const { name, run } of contractCases(subject)) {
    if (PART.test(name)) test(`${subject.name}: ${name}`, run);
  }
}

test("each service was asked through the platform's fetch", () => {
  for (const { emulator } of subjects) assert.ok(emulator.requests.length > 100);
});

test.run();
