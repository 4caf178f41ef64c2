/** Times as AWS writes them in JSON, XML and variables: RFC 3339. */

/** A time in milliseconds since 1970; undefined for anything but a date, a time, and an offset. */
export function parseTime(text: unknown): number | undefined {
  if (typeof text !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
