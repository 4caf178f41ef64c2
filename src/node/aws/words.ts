/** Splits a command line into words, as the AWS command line does it: nothing is expanded and no shell is run. */

/**
 * White space separates words. In single quotes everything stands for itself, in double quotes a backslash only escapes a
 * double quote or a backslash, elsewhere it escapes any character: `shlex.split` of Python, which the AWS CLI uses.
 * Undefined when a quote or an escape does not end.
 */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  const part = /(\s+)|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])|([^\s'"\\]+)|([^])/g;
  let word: string | undefined;
  for (const [, space, single, double, escaped, plain, rest] of text.matchAll(part)) {
    if (rest !== undefined) return undefined;
    if (space === undefined) word = `${word ?? ""}${single ?? double?.replace(/\\(["\\])/g, "$1") ?? escaped ?? plain ?? ""}`;
    else if (word !== undefined) words.push(word), (word = undefined);
  }
  return word === undefined ? words : [...words, word];
}

/**
 * The same for Windows, where a backslash is a part of paths: it is special only before a double quote (the C runtime's
 * rules, as in botocore's `_windows_shell_split`). Single quotes stand for themselves.
 */
export function splitWindowsWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (const [part] of text.matchAll(/\\*"|[ \t]|\\+|[^ \t\\"]+/g)) {
    if (part.endsWith('"')) {
      const backslashes = part.length - 1;
      word = `${word ?? ""}${"\\".repeat(backslashes >> 1)}`;
      if (backslashes % 2 === 1) word += '"';
      else isQuoted = !isQuoted;
    } else if (!isQuoted && (part === " " || part === "\t")) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = `${word ?? ""}${part}`;
  }
  if (isQuoted) return undefined;
  return word === undefined ? words : [...words, word];
}
