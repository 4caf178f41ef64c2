// Reads the declarations that tsc emits, without a parser: in them each statement begins at the start of a line, and every
// line of it that does not is indented or begins with a closing brace.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { entries, root } from "./entries.mjs";

const START = /^(?:export |declare )*(?:abstract )?(function|class|interface|type|const|enum|namespace) (\w+)/;
const NAMES = /^(import|export)(?: type)? \{([^}]*)\}(?: from "([^"]+)")?;$/s;
const ALL = /^export \* from "([^"]+)";$/;

/** Emits JavaScript and declarations of `src` into a folder, which is emptied before. */
export function emit(folder) {
  rmSync(folder, { recursive: true, force: true });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.json"), "--outDir", folder], { stdio: "inherit" });
}

/**
 * The public declarations in a folder that `emit` or the build wrote.
 * `entries`: `[{ name, specifier, exports: [declaration], referred, external }]`. `declaration`: `{ name, kind, file, text, doc }`, its
 * file relative to the folder and without ending. `referred`: declarations that exported ones name and that are not exported,
 * here of all entries and there of one. `external`: what they take from other packages, `{ name, file }`.
 */
export function readApi(folder) {
  const modules = new Map();
  const load = (file) => {
    if (!modules.has(file)) modules.set(file, parse(readFileSync(join(folder, `${file}.d.ts`), "utf8"), file));
    return modules.get(file);
  };
  const found = entries.map(({ name: entry, specifier, source }) => {
    const exports = [...exportsOf(source.replace(/^src\/|\.ts$/g, ""), load)].map(([name, at]) => ({ ...lookUp(at, load), name })).sort(byName);
    return { name: entry, specifier, exports, ...referredBy(exports, load) };
  });
  return { entries: found, referred: referredBy(found.flatMap(({ exports }) => exports), load).referred };
}

/**
 * The declarations of one entry as one file: what it exports, and what that refers to. Names stay as they are, so two things
 * of one name in an entry are an error, as is a name that an import changes.
 */
export function rollUp({ exports, referred, external }) {
  const all = [...exports, ...referred];
  const twice = all.filter(({ name }, index) => all.findIndex((other) => other.name === name) !== index);
  if (twice.length > 0) throw new Error(`two declarations of one name: ${twice.map(({ name, file }) => `${name} in ${file}`).join(", ")}`);
  const imports = external.map(({ name, file }) => `import type { ${name} } from "${file}";\n`);
  const parts = all.map((declaration, index) => {
    const text = declaration.text.replace(/^export /gm, "");
    return `${declaration.doc === undefined ? "" : `${declaration.doc}\n`}${index < exports.length ? text.replace(/^(?=\w)/gm, "export ") : text}\n`;
  });
  return `${imports.join("")}\n${parts.join("\n")}\nexport {};\n`;
}

/** Text without its doc comments. */
export function withoutDocs(text) {
  return text.replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm, "");
}

function parse(text, file) {
  const module = { declared: new Map(), imported: new Map(), exported: new Map(), all: [] };
  for (const statement of statements(text)) read(statement, module, file);
  return module;
}

/** `{ text, doc }` of each statement; of several comments before one, the last is its own. */
function statements(text) {
  const found = [];
  let doc;
  let current;
  let comment;
  for (const line of text.split("\n")) {
    if (comment !== undefined || line.startsWith("/**")) {
      comment = comment === undefined ? line : `${comment}\n${line}`;
      if (!line.endsWith("*/")) continue;
      [doc, comment, current] = [comment, undefined, undefined];
    } else if (/^[a-z]/.test(line)) {
      current = { text: line, doc };
      found.push(current);
      doc = undefined;
    } else if (current !== undefined && line !== "") current.text += `\n${line}`;
  }
  return found;
}

function read({ text, doc }, module, file) {
  const names = NAMES.exec(text);
  const all = ALL.exec(text);
  const start = START.exec(text);
  if (all !== null) module.all.push(resolve(file, all[1]));
  else if (names !== null) readNames(names, module, file);
  else if (start !== null) {
    const [, kind, name] = start;
    const before = module.declared.get(name);
    module.declared.set(name, { name, kind, file, text: before === undefined ? text : `${before.text}\n${text}`, doc: before?.doc ?? doc });
    if (text.startsWith("export ")) module.exported.set(name, { file, name });
  } else throw new Error(`${file}: cannot read: ${text.split("\n")[0]}`);
}

function readNames([, word, list, from], module, file) {
  for (const item of list.split(",").map((part) => part.trim().replace(/^type /, "")).filter(Boolean)) {
    const [name, local = name] = item.split(" as ");
    module[word === "import" ? "imported" : "exported"].set(local, { file: from === undefined ? file : resolve(file, from), name });
  }
}

function resolve(file, path) {
  return path.startsWith(".") ? normalize(join(dirname(file), path.replace(/\.js$/, ""))) : path;
}

function exportsOf(file, load) {
  const { exported, all } = load(file);
  return new Map([...all.flatMap((other) => [...exportsOf(other, load)]), ...exported]);
}

function lookUp({ file, name }, load) {
  const { declared, imported } = load(file);
  if (declared.has(name)) return declared.get(name);
  const further = imported.get(name) ?? exportsOf(file, load).get(name);
  if (further === undefined) throw new Error(`${file} does not export ${name}`);
  return lookUp(further, load);
}

function referredBy(declarations, load) {
  const seen = new Map(declarations.map((declaration) => [keyOf(declaration), declaration]));
  const exported = seen.size;
  const external = new Map();
  const queue = [...seen.values()];
  for (const { file, text } of queue) {
    const { declared, imported } = load(file);
    for (const word of new Set(withoutDocs(text).replace(/"[^"\n]*"/g, "").match(/\b[A-Za-z]\w*/g))) {
      const at = declared.get(word) ?? imported.get(word);
      if (at === undefined) continue;
      if (at.name !== word) throw new Error(`${file}: ${at.name} is called ${word} there, which a report cannot tell`);
      if (at.file.includes(":")) external.set(word, at);
      else {
        const other = lookUp(at, load);
        if (seen.has(keyOf(other))) continue;
        seen.set(keyOf(other), other);
        queue.push(other);
      }
    }
  }
  return { referred: queue.slice(exported).sort(byName), external: [...external.values()].sort(byName) };
}

function keyOf({ file, text }) {
  return `${file} ${text}`;
}

function byName(a, b) {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
