/** A non-negative integer as big-endian bytes of that length, which must be enough. */
export function fromBigInt(value: bigint, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = length, rest = value; at > 0; rest >>= 8n) bytes[--at] = Number(rest & 255n);
  return bytes;
}
