import { test } from "uvu";
import * as assert from "uvu/assert";
import { splitWindowsWords, splitWords } from "../../../src/node/aws/words.js";

test("words as shlex.split of Python has them", () => {
  const rows: [text: string, words: string[] | undefined][] = [
    ["", []],
    ["  ", []],
    ["a b\tc\nd", ["a", "b", "c", "d"]],
    ["'a b' \"c d\"", ["a b", "c d"]],
    ["a'b'\"c\"d", ["abcd"]],
    ["''", [""]],
    ['a "" b', ["a", "", "b"]],
    ["a\\ b", ["a b"]],
    ["\\'a\\\"", ["'a\""]],
    ["'a\\b'", ["a\\b"]],
    ['"a\\"b\\\\c\\d\\$e"', ['a"b\\c\\d\\$e']],
    ["'a\"b'", ['a"b']],
    ["\"a'b\"", ["a'b"]],
    ["$HOME ~ `x` $(y) ; | & > <", ["$HOME", "~", "`x`", "$(y)", ";", "|", "&", ">", "<"]],
    ["a # b", ["a", "#", "b"]],
    ["'a", undefined],
    ['"a', undefined],
    ['"a\\"', undefined],
    ["a\\", undefined],
  ];
  for (const [text, words] of rows) assert.equal(splitWords(text), words, text);
});

test("words on Windows: a backslash is special before a double quote only", () => {
  const rows: [text: string, words: string[] | undefined][] = [
    ["", []],
    ["C:\\tools\\get.exe --x", ["C:\\tools\\get.exe", "--x"]],
    ['"C:\\Program Files\\get.exe" a', ["C:\\Program Files\\get.exe", "a"]],
    ['a\\"b', ['a"b']],
    ['a\\\\"b c"', ["a\\b c"]],
    ['a\\\\\\"b', ['a\\"b']],
    ["'a b'", ["'a", "b'"]],
    ['""', [""]],
    ['a "" b', ["a", "", "b"]],
    ['"a', undefined],
    ['"a\\\\" b', ["a\\", "b"]],
  ];
  for (const [text, words] of rows) assert.equal(splitWindowsWords(text), words, text);
});

test.run();
