// Figures as tables for the terminal and for Markdown, and as a picture.
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { picture } from "./picture.mjs";
import { printTable } from "../lib/table.mjs";
import { kit, spread } from "./lib.mjs";

const SERVICE_NAMES = { aws: "AWS KMS", azure: "Azure Key Vault", vault: "Vault Transit" };
const MARKS = /<!-- bench -->[\s\S]*<!-- \/bench -->/;
const readme = join(kit, "../../README.md");

/** Ratio to the floor of the same round: what slows the machine for a while falls on both. */
export function ratios(figures, name) {
  return spread(figures[name].map((value, round) => value / figures["bare fetch"][round]));
}

const ratioText = ({ median, lower, upper }) => `${median.toFixed(2)} (${lower.toFixed(2)}–${upper.toFixed(2)})`;
const spreadText = ({ median, lower, upper }, digits = 0) => `${median.toFixed(digits)} (${lower.toFixed(digits)}–${upper.toFixed(digits)})`;
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

function signingRows({ signing }) {
  return Object.entries(signing).flatMap(([service, { single, many }]) =>
    Object.keys(single).map((name) => ({
      service: SERVICE_NAMES[service],
      client: name,
      "one at a time": ratioText(ratios(single, name)),
      "64 in flight": ratioText(ratios(many, name)),
      "µs, one at a time": spreadText(spread(single[name])),
      "µs, 64 in flight": spreadText(spread(many[name])),
    })),
  );
}

/** Milliseconds over the bare process of the same round. */
function importText({ imports }, name) {
  return imports[name] === undefined ? "" : spreadText(spread(imports[name].map((ms, round) => ms - imports["bare node"][round])));
}

function downloadRows({ downloads }) {
  return downloads.rows.map(({ name, gzip, packages }) => ({
    package: name,
    "gzip, for edge": gzip === undefined ? "does not bundle" : kilobytes(gzip),
    packages,
    "import, ms": importText(downloads, name),
    "import bundled, ms": importText(downloads, `${name}, bundled`),
  }));
}

function firstRows({ first, memory }) {
  return Object.entries(first).map(([label, figures]) => {
    const [service, name] = label.split(": ");
    const grown = memory[service]?.[name];
    return {
      service: SERVICE_NAMES[service],
      client: name,
      requests: spread(figures.map(({ requests }) => requests)).median,
      "first signature, ms": spreadText(spread(figures.map(({ ms }) => ms))),
      "heap over 20,000": grown === undefined ? "" : `${(grown / 1e6).toFixed(1)} MB`,
    };
  });
}

function microRows({ micro }) {
  return Object.entries(micro).flatMap(([part, figures]) => Object.entries(figures).map(([name, values]) => ({ part, by: name, "CPU, µs": spreadText(spread(values), 1) })));
}

const TABLES = [
  ["CPU of one signature, as a multiple of bare fetch", signingRows],
  ["What is downloaded and imported", downloadRows],
  ["The first signature, and the live heap", firstRows],
  ["Small parts", microRows],
];

export function printResults(results) {
  for (const [title, rows] of TABLES) {
    console.log(`\n${title}\n`);
    printTable(rows(results));
  }
}

function markdown(rows) {
  const names = Object.keys(rows[0]);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(names), `|${names.map(() => "---").join("|")}|`, ...rows.map((row) => line(names.map((name) => row[name])))].join("\n");
}

/** Writes `results.md`, `results.svg` and the part of the README. */
export function writeResults(results) {
  const write = `${results.command}${results.command.includes("--") ? "" : " --"} --write`;
  const machine = `Node ${process.versions.node}, ${cpus()[0].model.trim()}, ${availableParallelism()} processors`;
  const how = [
    `Written by \`${write}\` on ${machine}.`,
    "All clients take turns in one run against one server in another process, over http and loopback. CPU is user and system time of the whole process. Figures are medians (quartiles) of the rounds; a ratio is taken to bare fetch in the same round.",
  ].join(" ");
  const sections = TABLES.map(([title, rows]) => `## ${title}\n\n${markdown(rows(results))}\n`);
  writeFileSync(join(kit, "results.svg"), picture(pictureGroups(results)));
  writeFileSync(join(kit, "results.md"), `# What it costs\n\n${how}\n\n![CPU of one signature](results.svg)\n\n${sections.join("\n")}`);
  writeReadme([`\`${write}\` makes these tables, [all figures](scripts/bench/results.md) and the picture. A ratio is the CPU of one signature over that of bare \`fetch\` in the same round, medians (quartiles).`, "", "![CPU of one signature](scripts/bench/results.svg)", "", markdown(signingRows(results).map(shortRow)), "", markdown(downloadRows(results)), "", markdown(firstRows(results))].join("\n"));
}

/** The README has the ratios; microseconds are of one machine. */
function shortRow({ service, client, "one at a time": single, "64 in flight": many }) {
  return { service, client, "one at a time": single, "64 in flight": many };
}

function writeReadme(block) {
  const text = readFileSync(readme, "utf8");
  const part = `<!-- bench -->\n${block}\n<!-- /bench -->`;
  if (!MARKS.test(text)) throw new Error("README.md has no part between <!-- bench --> and <!-- /bench -->");
  writeFileSync(readme, text.replace(MARKS, () => part));
}

function pictureGroups({ signing }) {
  return Object.entries(signing).map(([service, { kinds, single, many }]) => ({
    title: SERVICE_NAMES[service],
    bars: Object.keys(single).map((name) => ({ name, kind: kinds[name], single: ratios(single, name), many: ratios(many, name) })),
  }));
}
