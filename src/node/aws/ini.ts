/**
 * Parses the INI files that the AWS tools share, by the rules of the vendor's JavaScript loader (`@smithy/core`, shared-ini-file-loader).
 */

/** Keys and values of a section. */
export type IniSection = ReadonlyMap<string, string>;

export interface IniFile {
  /** `[name]`. */
  readonly bare: ReadonlyMap<string, IniSection>;
  /** `[profile name]`. */
  readonly profiles: ReadonlyMap<string, IniSection>;
  /** `[sso-session name]`. */
  readonly sessions: ReadonlyMap<string, IniSection>;
}

/** What stands in a file in place of a name. The message is ours alone. */
export class IniError extends Error {}

/** One space or tab after the prefix; the name may be quoted. */
const PREFIXED = /^([\w-]+)\s(["'])?([\w\-@+.%:/]+)\2$/;

type Sections = Map<string, Map<string, string>>;

/**
 * Repeated sections are merged, the later value wins; a key with an empty value opens a block, whose indented lines become
 * `key.sub`. Lines that are neither a section nor a pair are passed over.
 *
 * @throws {IniError} for `__proto__` as the name of a section or a key
 */
export function parseIni(text: string): IniFile {
  const file = { bare: new Map() as Sections, profiles: new Map() as Sections, sessions: new Map() as Sections };
  let section: { readonly of: Sections; readonly name: string } | undefined;
  let block: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const content = (line.split(/(^|\s)[;#]/)[0] ?? "").trim();
    if (content.startsWith("[") && content.endsWith("]")) {
      section = openSection(file, content.slice(1, -1));
      block = undefined;
      continue;
    }
    const pair = section === undefined ? undefined : readPair(content);
    if (section === undefined || pair === undefined) continue;
    if (pair.value === "") {
      block = pair.key;
      continue;
    }
    if (line.trimStart() === line) block = undefined;
    const values = section.of.get(section.name) ?? new Map<string, string>();
    section.of.set(section.name, values.set(block === undefined ? pair.key : `${block}.${pair.key}`, pair.value));
  }
  return file;
}

/** Undefined for a kind of section that holds nothing for us: its lines are passed over. */
function openSection(file: Readonly<Record<keyof IniFile, Sections>>, label: string): { of: Sections; name: string } | undefined {
  const [, prefix, , name = label] = PREFIXED.exec(label) ?? [];
  assertName(name, "section");
  if (prefix === undefined) return { of: file.bare, name };
  const of = prefix === "profile" ? file.profiles : prefix === "sso-session" ? file.sessions : undefined;
  return of === undefined ? undefined : { of, name };
}

function readPair(content: string): { key: string; value: string } | undefined {
  const at = content.indexOf("=");
  if (at <= 0) return undefined;
  const key = content.slice(0, at).trim();
  assertName(key, "key");
  return { key, value: content.slice(at + 1).trim() };
}

/** Maps hold any name; but no reader that uses objects must come to another result. */
function assertName(name: string, what: string): void {
  if (/(^|\s|["'.])__proto__["']?$/.test(name)) throw new IniError(`has a ${what} that is named __proto__`);
}
