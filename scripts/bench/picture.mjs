// The picture of the ratios: for each client two bars, one at a time and 64 in flight, with their quartiles.
const COLOURS = { floor: "#8c959f", minimal: "#57606a", ours: "#1a7f37", peer: "#bc4c00" };
const LEFT = 210;
const WIDTH = 760;
const ROW = 30;

/** Groups of `{ title, bars: [{ name, kind, single, many }] }`, each bar with median, lower and upper. */
export function picture(groups) {
  const most = Math.max(...groups.flatMap(({ bars }) => bars.flatMap(({ single, many }) => [single.median, many.median]))) * 1.15;
  const scale = (WIDTH - LEFT - 60) / most;
  let y = 44;
  const parts = [];
  for (const { title, bars } of groups) {
    parts.push(text(12, y + 4, title, 'font-weight="600"'));
    y += 16;
    for (const bar of bars) {
      parts.push(text(LEFT - 8, y + 17, bar.name, 'text-anchor="end"'), ...drawBar(bar, y, scale, most));
      y += ROW;
    }
    y += 18;
  }
  const line = `<line x1="${LEFT + scale}" y1="34" x2="${LEFT + scale}" y2="${y - 18}" stroke="#8c959f" stroke-dasharray="3 3"/>`;
  const title = text(12, 20, "CPU of one signature, bare fetch = 1: above one at a time, below 64 in flight", 'font-weight="600"');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="12" fill="#1f2328">\n<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>\n${title}\n${line}\n${parts.join("\n")}\n</svg>\n`;
}

function drawBar({ kind, single, many }, y, scale, most) {
  return [single, many].flatMap(({ median, lower, upper }, index) => {
    const top = y + 4 + index * 12;
    const at = (value) => (LEFT + Math.min(value, most) * scale).toFixed(1);
    return [
      `<rect x="${LEFT}" y="${top}" width="${(median * scale).toFixed(1)}" height="10" fill="${COLOURS[kind]}" fill-opacity="${index === 0 ? 1 : 0.6}"/>`,
      `<line x1="${at(lower)}" y1="${top + 5}" x2="${at(upper)}" y2="${top + 5}" stroke="#1f2328" stroke-opacity="0.5"/>`,
      text(Number(at(Math.max(median, upper))) + 6, top + 9, median.toFixed(2), 'font-size="10"'),
    ];
  });
}

function text(x, y, content, more = "") {
  const safe = content.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<text x="${x}" y="${y}" ${more}>${safe}</text>`;
}
