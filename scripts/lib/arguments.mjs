// Words of a command line.

/** The word after an option, or undefined without the option. */
export function valueOf(option) {
  const at = process.argv.indexOf(option);
  if (at === -1) return undefined;
  const value = process.argv[at + 1];
  if (value === undefined || value.startsWith("--")) throw new Error(`${option} needs a value`);
  return value;
}
