// Code blocks of a Markdown file.
import { readFileSync } from "node:fs";

/** The blocks marked with that language, without their fences. */
export function codeBlocks(file, language) {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, marked]) => marked === language).map(([, , code]) => code);
}
