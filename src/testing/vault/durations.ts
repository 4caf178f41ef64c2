/** Durations as the servers write them in texts. */
import type { VaultProduct } from "./answer.js";

/** Go's `1h0m0s`; OpenBao leaves out what is zero behind the first part: `1h`, `1m30s`. */
export function writeDuration(seconds: number, product: VaultProduct): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const written = (first < 0 ? parts.slice(2) : parts.slice(first)).map(([count, unit]) => `${count}${unit}`);
  if (product === "vault" || written.length === 1) return written.join("");
  return written.filter((part, index) => index === 0 || !/^0./.test(part)).join("");
}
