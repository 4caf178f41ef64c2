// The reference, one page out of the doc comments; and what is missing in them.

/** The page. An export of several entries is described once, under the first. */
export function referencePage({ entries }) {
  const seen = new Set();
  const parts = entries.map(({ specifier, exports }) => {
    const own = exports.filter((declaration) => !seen.has(keyOf(declaration)));
    const shared = exports.filter((declaration) => seen.has(keyOf(declaration)));
    for (const declaration of own) seen.add(keyOf(declaration));
    const also = shared.length === 0 ? "" : `\nAlso exported here, described above: ${shared.map(({ name }) => `\`${name}\``).join(", ")}.\n`;
    return `## ${specifier}\n${also}\n${[...own.filter(isValue), ...own.filter((declaration) => !isValue(declaration))].map(section).join("\n")}`;
  });
  const contents = entries.map(({ specifier }) => `- [${specifier}](#${specifier.replace(/[^\w-]/g, "")})`);
  return `# Reference\n\nWritten by \`npm run reference\` from the comments in the source. Functions and classes come first in each entry, then types.\n\n${contents.join("\n")}\n\n${parts.join("\n")}`;
}

/** A sentence for each export that lacks a description, a statement on errors, or an example. */
export function referenceProblems({ entries }) {
  const missing = entries.flatMap(({ exports }) => exports).flatMap((declaration) => gaps(declaration).map((gap) => `${declaration.file}: ${declaration.name} ${gap}`));
  return [...new Set(missing)].sort();
}

/** The code of every example, `{ name, file, specifier, code }`. */
export function examples({ entries }) {
  const found = new Map();
  for (const { specifier, exports } of entries) {
    for (const declaration of exports) {
      for (const doc of docsOf(declaration)) {
        for (const code of readDoc(doc).example.flatMap(codeIn)) if (!found.has(code)) found.set(code, { name: declaration.name, file: declaration.file, specifier, code });
      }
    }
  }
  return [...found.values()];
}

/**
 * An example as a module: in a function, for it may return; with imports of the public names that it uses, from its own
 * entry if that has them, besides those that it writes itself.
 */
export function exampleModule({ specifier, code, file, name }, { entries }) {
  const written = code.match(/^import .*;$/gm) ?? [];
  const body = code.replace(/^import .*;$/gm, "");
  const declared = new Set([...body.matchAll(/\b(?:const|let|function)\s+(\w+)/g)].map(([, word]) => word).concat(written.join(" ").match(/\w+/g) ?? []));
  const own = entries.filter((entry) => entry.specifier === specifier);
  const words = new Set(body.replace(/"[^"\n]*"|\/\/.*$/gm, "").match(/(?<![.\w])[A-Za-z]\w*/g));
  const imports = [...words].flatMap((word) => {
    const entry = declared.has(word) ? undefined : [...own, ...entries].find(({ exports }) => exports.some((other) => other.name === word));
    return entry === undefined ? [] : [`import { ${word} } from "${entry.specifier}";`];
  });
  return `// ${name} in ${file}\n${[...written, ...imports].join("\n")}\nexport async function example() {\n${body}}\n`;
}

/** `{ description, throws, see, example, … }` of a doc comment, each tag a list of texts. */
export function readDoc(comment = "") {
  const text = comment.replace(/^[ \t]*\/\*\*[ \t]?|[ \t]*\*\/$/g, "").replace(/^[ \t]*\*[ \t]?/gm, "");
  const [description, ...tags] = text.split(/^(?=@\w+)/m);
  const read = { description: description.trim(), throws: [], see: [], example: [], returns: [], param: [] };
  for (const tag of tags) {
    const [, name, body] = /^@(\w+)\s*([\s\S]*)$/.exec(tag);
    (read[name] ??= []).push(body.trim());
  }
  return read;
}

function gaps({ name, kind, text, doc }) {
  const { description, throws, example, see } = readDoc(doc);
  const found = description === "" && throws.length === 0 && see.length === 0 ? ["has no description"] : [];
  if (kind === "class") return [...found, ...membersOf(text).flatMap(memberGaps)];
  if (kind !== "function") return found;
  if (throws.length === 0 && !/never (throws|rejects)/i.test(doc ?? "")) found.push("does not say what it throws, or that it never throws");
  if (throws.some((line) => !/^\{\w+\}/.test(line))) found.push("names an error without its class");
  // The platform's own errors have no code of ours.
  if (throws.some((line) => !/ERR_KMS_\w+|^\{(?:Error|TypeError|RangeError)\}/.test(line))) found.push("names an error without its code");
  if (example.length === 0) found.push("has no example");
  return found;
}

/** `{ name, isField, isMethod, doc }` of each public member of a class, one a line as tsc writes them. */
function membersOf(text) {
  const lines = text.matchAll(/((?:^ {4}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?)^ {4}(?!private |#)(?:(?:static|readonly|get|set) )*(\[?[\w.]+\]?)(\??:|[(<])(.*)$/gm);
  return [...lines].map(([line, doc, name, sign]) => ({ name, doc: doc.trimEnd(), isField: sign.endsWith(":"), isMethod: !sign.endsWith(":") && name !== "constructor" && !/^ {4}(?:static )?[gs]et /m.test(line) }));
}

function memberGaps({ name, doc, isField, isMethod }) {
  const { description, throws, example } = readDoc(doc);
  const found = description === "" ? ["has no description"] : [];
  if (!isField && throws.length === 0 && !/throws nothing\./i.test(doc)) found.push("does not say what it throws, or that it throws nothing");
  if (throws.some((line) => !/^\{\w+\}[\s\S]*ERR_KMS_\w+/.test(line))) found.push("names an error without its class or code");
  if (isMethod && example.length === 0) found.push("has no example");
  return found.map((gap) => `member ${name} ${gap}`);
}

function section({ name, kind, text, doc }) {
  const { description, throws, see, example, returns } = readDoc(doc);
  const list = (title, items) => (items.length === 0 ? [] : [`${title}\n${items.map((item) => `- ${inline(item).replace(/\n\s*/g, " ")}`).join("\n")}`]);
  return [
    `### ${name}`,
    ...(description === "" ? [] : [inline(description)]),
    ...list("Returns:", returns),
    `\`\`\`ts\n${text.replace(/^export (?:declare )?/gm, "").replace(/^(?: {4})+/gm, (spaces) => " ".repeat(spaces.length / 2))}\n\`\`\``,
    ...list("Throws:", throws.map((line) => line.replace(/^\{(\w+)\}/, "`$1`"))),
    ...list("See:", see),
    ...(example.length === 0 ? [] : ["Example:", ...example]),
    "",
  ].join("\n\n");
}

/** Links of TSDoc as code. */
function inline(text) {
  return text.replace(/\{@link\s+([^}|\s]+)[^}]*\}/g, "`$1`");
}

function isValue({ kind }) {
  return ["function", "class", "const", "enum"].includes(kind);
}

/** Its own comment, and those of its members. */
function docsOf({ text, doc }) {
  return [...(doc === undefined ? [] : [doc]), ...(text.match(/^[ \t]*\/\*\*[\s\S]*?\*\//gm) ?? [])];
}

function codeIn(text) {
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
}

function keyOf({ file, text }) {
  return `${file} ${text}`;
}
