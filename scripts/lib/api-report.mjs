// The public declarations as one text: what each entry exports, and every declaration once, without comments. A reviewer
// sees in its diff what a change means for users.
import { withoutDocs } from "./declarations.mjs";

export function apiReport({ entries, referred }) {
  const lists = entries.map(({ specifier, exports }) => `${specifier}\n${exports.map(({ name, file }) => `  ${name}  (${file})`).join("\n")}\n`);
  const exported = new Map(entries.flatMap(({ exports }) => exports).map((declaration) => [`${declaration.file} ${declaration.text}`, declaration]));
  return [
    "The public API: written by `npm run check -- --update`, read by people.",
    heading("What each entry exports"),
    ...lists,
    heading("Declarations"),
    ...byFile([...exported.values()]),
    heading("Declarations that these name, and that no entry exports"),
    ...byFile(referred),
  ].join("\n");
}

function heading(text) {
  return `\n${text}\n${"=".repeat(text.length)}\n`;
}

function byFile(declarations) {
  const sorted = declarations.map((declaration) => [`${declaration.file} ${declaration.name}`, declaration]).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, { file, text }]) => `// ${file}\n${withoutDocs(text).replace(/^export (?:declare )?/gm, "")}\n`);
}
