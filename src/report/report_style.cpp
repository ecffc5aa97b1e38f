// The style sheet and the script that every report carries.
#include "report/page.h"

namespace weir {

const char* const kReportStyle = R"css(
:root { color-scheme: light dark;
  --page: #f3f6f6; --card: #ffffff; --ink: #17252a; --soft: #5d7178; --line: #dde6e7;
  --c0: #0b7285; --c1: #d9541e; --c2: #7048c6; --c3: #2f8f4e; --c4: #b7791f; --c5: #3867c9;
  --h0: #1f4e8c; --h1: #4a7fb8; --h2: #8fb4d6; --h3: #c6d9e8; --h4: #e6e9e8;
  --h5: #f6dcc4; --h6: #f0b183; --h7: #e07b3e; --h8: #b23a10; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0e1619; --card: #162227; --ink: #e4eeee; --soft: #8fa6ab; --line: #26363b;
  --c0: #3fc1d4; --c1: #ff8a50; --c2: #b094f5; --c3: #6fce8b; --c4: #e5b454; --c5: #86aaf7;
  --h0: #5fa8f0; --h1: #4682bb; --h2: #355d84; --h3: #2c4355; --h4: #2a3538;
  --h5: #4d3a2c; --h6: #85502f; --h7: #c46a35; --h8: #ff9153; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
  "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 40px; }
header { display: flex; gap: 16px; align-items: center; margin-bottom: 22px; }
.mark { width: 54px; height: 36px; flex: none; fill: none; stroke: var(--c0); stroke-width: 2.6;
  stroke-linecap: round; }
h1 { margin: 0; font-size: 27px; line-height: 1.2; letter-spacing: -.01em;
  overflow-wrap: anywhere; }
header p, footer, .none { margin: 2px 0 0; color: var(--soft); }
h2 { margin: 34px 0 12px; font-size: 14px; font-weight: 650; letter-spacing: .08em;
  text-transform: uppercase; color: var(--soft); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(172px, 1fr)); gap: 12px; }
.number, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.number { padding: 14px 16px; display: flex; flex-direction: column; }
.number .name, .number .detail { color: var(--soft); font-size: 13px; }
.number .value { font-size: 28px; font-weight: 650; letter-spacing: -.02em; line-height: 1.35;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.number small { font-size: 14px; font-weight: 400; color: var(--soft); margin-left: 5px;
  letter-spacing: 0; }
.card { padding: 14px 16px; min-width: 0; break-inside: avoid; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 12px;
  margin-top: 12px; }
figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline;
  margin-bottom: 10px; }
figcaption i { font-style: normal; color: var(--soft); font-size: 13px; }
.legend { margin-left: auto; display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px;
  color: var(--soft); }
.key::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px;
  margin-right: 6px; vertical-align: 3px; background: var(--c); }
.key.faint::before { opacity: .35; }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
.c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); }
.plot { padding: 6px 10px 22px 46px; }
.area { position: relative; height: 150px; touch-action: pan-y; }
.tall .area { height: 300px; }
.area svg, .cells svg { position: absolute; inset: 0; width: 100%; height: 100%;
  overflow: visible; }
.area path { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round;
  stroke-linecap: round;
  vector-effect: non-scaling-stroke; }
.area .grid { stroke: var(--line); stroke-width: 1; }
.area .faint { stroke-width: 1.25; opacity: .35; }
.area .dots { stroke-width: 7; }
.area span { position: absolute; font-size: 12px; line-height: 1; color: var(--soft);
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.area .y { right: calc(100% + 9px); transform: translateY(-50%); }
.area .x { top: calc(100% + 8px); transform: translateX(-50%); }
.area .step { left: auto; right: calc(100% + 9px); transform: none; }
.area .span, .cells .span { left: 0; right: auto; top: calc(100% + 5px); padding: 5px 3px 1px;
  border-top: 3px solid var(--c); overflow: hidden; text-overflow: ellipsis; text-align: center;
  line-height: 1.2; font-size: 12px; border-right: 2px solid var(--card); }
.cursor { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--soft);
  pointer-events: none; }
.tip { position: absolute; top: 4px; z-index: 1; padding: 6px 10px; border-radius: 8px;
  font-size: 12.5px;
  background: var(--card); border: 1px solid var(--line); box-shadow: 0 3px 14px #0003;
  pointer-events: none;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.tip b { display: block; font-weight: 600; }
.scales { position: relative; }
.scales > input { position: absolute; opacity: 0; }
.scales > label { display: inline-block; padding: 2px 12px; margin: 0 4px 10px 0;
  border-radius: 99px;
  border: 1px solid var(--line); font-size: 13px; color: var(--soft); cursor: pointer; }
#linear:checked + label, #log:checked + label { background: var(--c0); border-color: var(--c0);
  color: var(--card); }
.scales > input:focus-visible + label { outline: 2px solid var(--c1); outline-offset: 2px; }
#linear:checked ~ .on-log, #log:checked ~ .on-linear { display: none; }
.cells { position: relative; margin-left: 58px; }
.cells svg { border-radius: 4px; overflow: hidden; }
.cells span { position: absolute; right: calc(100% + 8px); font-size: 12px; color: var(--soft);
  line-height: 1;
  white-space: nowrap; }
.staged { margin-bottom: 28px; }
.cells .from { top: 0; } .cells .to { bottom: 0; }
.scale { display: flex; align-items: center; margin: 14px 0 0; color: var(--soft);
  font-size: 13px; flex-wrap: wrap; }
.scale i { width: 26px; height: 12px; } .scale span:first-child { margin-right: 8px; }
.scale span:last-child { margin-left: 8px; }
.h0 { --h: var(--h0); } .h1 { --h: var(--h1); } .h2 { --h: var(--h2); } .h3 { --h: var(--h3); }
.h4 { --h: var(--h4); } .h5 { --h: var(--h5); } .h6 { --h: var(--h6); } .h7 { --h: var(--h7); }
  .h8 { --h: var(--h8); }
path[class^=h] { fill: var(--h); } .scale i { background: var(--h); }
.sample { white-space: pre-wrap; overflow-wrap: anywhere; margin-bottom: 12px;
  font-family: ui-serif, Georgia,
  "Noto Serif", "DejaVu Serif", serif; max-height: 420px; overflow-y: auto; }
.sample b { color: var(--c0); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 400; color: var(--soft); padding: 4px 18px 4px 0;
  vertical-align: top; white-space: nowrap; }
td { padding: 4px 0; overflow-wrap: anywhere; }
tr + tr > * { border-top: 1px solid var(--line); }
summary { cursor: pointer; color: var(--soft); }
pre { margin: 12px 0 0; font: 13px/1.5 ui-monospace, "SF Mono", Consolas,
  "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 36px; font-size: 13px; }
@media (max-width: 520px) { main { padding: 18px 12px 28px; } h1 { font-size: 22px; }
  .tall .area { height: 220px; } }
@media print { :root { color-scheme: light; } body { background: #fff; font-size: 12px; }
  main { max-width: none; padding: 0; }
  .scales > label { display: none; } .sample { max-height: none; } h2 { break-after: avoid; } }
)css";

// Readings under the pointer. Everything is read from the JSON beside the chart and written as
// text.
const char* const kReportScript = R"js(
"use strict";
const label = value => {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toPrecision(3);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(4)));
};
// Index of the point whose x is nearest; points lie flat as x, y, x, y.
const nearest = (points, x) => {
  let low = 0, high = points.length / 2 - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[2 * middle] < x) low = middle + 1; else high = middle;
  }
  return low > 0 && x - points[2 * low - 2] < points[2 * low] - x ? low - 1 : low;
};
for (const plot of document.querySelectorAll(".plot")) {
  const data = JSON.parse(plot.querySelector("script").textContent);
  const area = plot.querySelector(".area");
  const scale = data.log ? Math.log : x => x, back = data.log ? Math.exp : x => x;
  const low = scale(data.low), high = scale(data.high);
  const place = x => (scale(x) - low) / (high - low);
  let cursor, tip;
  const clear = () => { if (cursor) { cursor.remove(); tip.remove(); cursor = tip = null; } };
  area.addEventListener("pointerleave", clear);
  area.addEventListener("pointermove", event => {
    const box = area.getBoundingClientRect();
    const wanted = back(low + (high - low) * (event.clientX - box.left) / box.width);
    clear();
    cursor = document.createElement("div"); cursor.className = "cursor";
    tip = document.createElement("div"); tip.className = "tip";
    let step = null;
    for (const series of data.series) {
      if (!series.points.length) continue;
      const i = nearest(series.points, wanted);
      if (step === null) step = series.points[2 * i];
      // Sparse series speak only near their points.
      if (Math.abs(place(series.points[2 * i]) - place(step)) > 0.04) continue;
      const row = document.createElement("div");
      row.className = "key c" + series.color;
      row.textContent = series.name + " " + label(series.points[2 * i + 1]);
      tip.append(row);
    }
    if (step === null) return;
    const head = document.createElement("b");
    head.textContent = "step " + label(step);
    for (const span of data.spans || [])
      if (step >= span.begin && (step < span.end || span === data.spans.at(-1)))
        head.textContent = span.name + ", step " + label(Math.round(span.first +
          (span.last - span.first) * (step - span.begin) / (span.end - span.begin)));
    tip.prepend(head);
    const at = place(step);
    cursor.style.left = 100 * at + "%";
    if (at < 0.5) tip.style.left = "calc(" + 100 * at + "% + 10px)";
    else tip.style.right = "calc(" + 100 * (1 - at) + "% + 10px)";
    area.append(cursor, tip);
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
)js";

}  // namespace weir
