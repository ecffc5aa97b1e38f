#!/usr/bin/env python3
"""Does the script of report.html run, and does it compute what it should?

    pip install quickjs
    tools/check_report_page.py runs/quickstart/report.html...

Every page's script runs in QuickJS on a document of a few lines. The script must be the one that the page's policy
allows, draw without an exception, leave no number undefined, show a reading under the pointer of every chart, and add
text as text nodes. Then its axes, labels, averages and shares of the axis are checked.
"""
import base64
import hashlib
import re
import sys

import quickjs

DOCUMENT = r"""
class Element {
  constructor(name) {
    Object.assign(this, {name, className: "", children: [], attributes: {}, listeners: {}, style: {}});
  }
  append(...children) { for (const child of children) this.adopt(child, this.children.length); }
  prepend(...children) { for (const child of children) this.adopt(child, 0); }
  adopt(child, at) {
    if (child === undefined || child === null || child === false) throw new Error("append(" + child + ")");
    if (child instanceof Element) child.parent = this;
    this.children.splice(at, 0, child);
  }
  remove() { this.parent.children = this.parent.children.filter(child => child !== this); }
  setAttribute(key, value) { this.attributes[key] = String(value); }
  addEventListener(type, listener) { this.listeners[type] = listener; }
  getBoundingClientRect() { return {left: 100, width: 500}; }
  get textContent() {
    return this.children.map(child => child instanceof Element ? child.textContent : String(child)).join("");
  }
  all() { return [this, ...this.children.flatMap(child => child instanceof Element ? child.all() : [])]; }
  set innerHTML(text) { throw new Error("innerHTML"); }
}
const places = {sections: new Element("div"), settings: new Element("div"), data: {textContent: DATA}};
const document = {
  createElement: name => new Element(name),
  createElementNS: (space, name) => new Element(name),
  getElementById: id => places[id],
  querySelectorAll: () => [],
};
globalThis.addEventListener = () => {};
"""

CHECKS = r"""
function expect(condition, message) { if (!condition) throw new Error("failed: " + message); }
const elements = [...places.sections.all(), ...places.settings.all()];
for (const element of elements) {
  const values = [...Object.values(element.style), ...Object.values(element.attributes), element.className];
  for (const value of values) expect(!/NaN|undefined|Infinity|null/.test(value), element.name + ": " + value);
  if (element.attributes.d !== undefined)
    expect(/^[MLHVhvz0-9. -]*$/.test(element.attributes.d), element.attributes.d.slice(0, 200));
}
const areas = elements.filter(element => element.className === "area");
for (const area of areas)
  for (const clientX of [0, 100, 101, 350, 600, 900]) {
    area.listeners.pointermove({clientX});
    const tip = area.children.find(child => child.className === "tip");
    expect(tip && /step [\d,-]+/.test(tip.textContent) && tip.children.length > 1, "a reading at " + clientX);
    expect(!/NaN|undefined/.test(tip.textContent), tip.textContent);
    area.listeners.pointerleave();
    expect(!area.children.some(child => child.className === "tip"), "it goes away");
  }

// Ticks are round, few and inside.
for (const isLog of [false, true])
  for (const low of [1e-7, 0.013, 0.9, 1, 47, 3e6])
    for (const factor of [1, 1.001, 1.7, 9, 400, 1e9]) {
      const axis = makeAxis(low, low * factor, isLog, false, 5), what = [low, factor, isLog].join();
      expect(axis.ticks.length >= 1 && axis.ticks.length <= 13, "ticks of " + what);
      expect(axis.low <= low && axis.high >= low * factor, "range of " + what);
      for (const tick of axis.ticks)
        expect(axis.place(tick) >= -0.001 && axis.place(tick) <= 1.001, tick + " of " + what);
    }
const zero = makeAxis(0, 0, false, true, 4);
expect(zero.low < zero.high, "a constant has a height");

for (const [value, text] of [[0, "0"], [3000, "3000"], [12000, "12 k"], [2.5e6, "2.5 M"], [0.5, "0.5"], [5e-4, "5e-4"],
                             [-1.4e-7, "-1.4e-7"]])
  expect(label(value) === text, "label " + value + ": " + label(value));

// Averages lag behind nothing.
const noisy = Array.from({length: 300}, (none, i) => [i, 5 + (i % 2 ? 1 : -1)]), smoothed = smooth(noisy, 30);
expect(smoothed[0][1] === 4, "the first value is itself");
for (const [x, y] of smoothed.slice(100)) expect(Math.abs(y - 5) < 0.15, "mean at " + x + ": " + y);
expect(dotsOf(noisy).length === 100 && dotsOf(noisy)[99][0] === 299, "dots are few and keep the end");

// Stages are as wide as their time but can be read; curves part between them.
const stages = [600, 1, 300, 1].map((seconds, i) =>
  ({name: "s" + i, seconds, lines: 2, color: i, metrics: {step: [11, 20], x: [1, 2], y: [null, null]}}));
const shares = sharesOf(stages);
expect(Math.abs(shares.reduce((a, b) => a + b) - 1) < 1e-9, "shares add up");
expect(shares.every(share => share >= 0.0899), "least width");
expect(Math.abs(shares[0] - 2 * shares[2]) < 1e-3, "in proportion");
const even = sharesOf(stages.map(stage => ({...stage, seconds: null})));
expect(even.every(share => Math.abs(share - 0.25) < 1e-9), "by lines where times are unknown");
const spans = [{begin: 0, end: 0.5, first: 11, last: 20}, {begin: 0.5, end: 1, first: 11, last: 20}];
const curve = curveOf(stages.slice(0, 2), spans, "x", 0);
expect(JSON.stringify(curve) === "[[0,1],[0.5,2],[0.5,null],[0.5,1],[1,2]]", JSON.stringify(curve));
const titles = elements.filter(element => element.name === "h2").map(element => element.textContent);
areas.length + " charts; " + titles.join(", ");
"""


def check(path):
    html = open(path, encoding="utf-8").read()
    script = re.search(r"<script>(.*?)</script>", html, re.S).group(1)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html, "the policy forbids the page's own script"
    context = quickjs.Context()
    context.set("DATA", data)
    context.eval(DOCUMENT)
    context.eval(script)
    print(f"{path}: {len(html)} bytes; {context.eval(CHECKS)}")


for page in sys.argv[1:]:
    check(page)
