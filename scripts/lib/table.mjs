// A plain table on stdout.
export function printTable(rows) {
  const columns = Object.keys(rows[0] ?? {}).filter((name) => name !== "problem");
  const widths = columns.map((name) => Math.max(name.length, ...rows.map((row) => String(row[name]).length)));
  const line = (cells) => console.log(cells.map((cell, index) => String(cell).padEnd(widths[index])).join("  ").trimEnd());
  line(columns);
  line(widths.map((width) => "-".repeat(width)));
  for (const row of rows) line(columns.map((name) => row[name]));
}
