// A curve in SVG: thinned to means, with round numbers at its axes and the value under the pointer.
import {el} from './dom.js';
import {t} from './words.js';

const height = 170, left = 46, right = 10, top = 12, bottom = 24;
const pointsMax = 400;

function shape(name, attributes, parent) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

// Means of equally many neighbours.
export function thin(points, most = pointsMax) {
  if (points.length <= most) return points;
  const size = points.length / most, list = [];
  for (let i = 0; i < most; ++i) {
    const part = points.slice(Math.floor(i * size), Math.floor((i + 1) * size));
    list.push([part.at(-1)[0], part.reduce((sum, point) => sum + point[1], 0) / part.length]);
  }
  return list;
}

export function short(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6) return (value / 1e6).toPrecision(3) + ' M';
  if (size >= 1e4) return (value / 1e3).toPrecision(3) + ' k';
  if (size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}

// Three to five round numbers from low to high.
function ticks(low, high) {
  const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(size => size >= raw);
  const list = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) list.push(Number(value.toPrecision(12)));
  return list;
}

export class Chart {
  constructor(title, {color = 0, xName = t('step'), width = 380} = {}) {
    Object.assign(this, {title, xName, width});
    this.value = el('span', {class: 'chart-value'});
    this.svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.svg.setAttribute('role', 'img');
    this.svg.setAttribute('class', 'chart color' + color % 6);
    this.element = el('figure', {class: 'card chart-card'}, el('figcaption', {}, el('span', {text: title}), this.value), this.svg);
    this.svg.addEventListener('pointermove', event => this.point(event));
    this.svg.addEventListener('pointerleave', () => this.draw(this.points));
  }

  // points: [[x, y], ...] in the order of x.
  draw(points) {
    this.points = points;
    this.shown = thin(points);
    this.svg.replaceChildren();
    if (!points.length) return;
    const xs = this.shown.map(point => point[0]), ys = this.shown.map(point => point[1]);
    let [low, high] = [Math.min(...ys), Math.max(...ys)];
    if (low >= 0 && low < high * 0.5) low = 0;
    if (high - low < 1e-12 + Math.abs(high) * 1e-6) [low, high] = high > 0 ? [0, high * 1.2] : [high * 1.2, Math.min(0, high * 1.2) + 1];
    const [first, last] = [xs[0], Math.max(xs.at(-1), xs[0] + 1e-9)];
    this.x = value => left + (value - first) / (last - first) * (this.width - left - right);
    this.y = value => top + (high - value) / (high - low) * (height - top - bottom);
    for (const value of ticks(low, high)) {
      shape('line', {x1: left, x2: this.width - right, y1: this.y(value), y2: this.y(value), class: 'grid'}, this.svg);
      shape('text', {x: left - 6, y: this.y(value) + 3.5, 'text-anchor': 'end'}, this.svg).textContent = short(value);
    }
    for (const [value, anchor] of [[first, 'start'], [last, 'end']])
      shape('text', {x: this.x(value), y: height - 7, 'text-anchor': anchor}, this.svg).textContent = short(Math.round(value));
    shape('polyline', {points: this.shown.map(([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(' '), class: 'curve'}, this.svg);
    const end = this.shown.at(-1);
    shape('circle', {cx: this.x(end[0]), cy: this.y(end[1]), r: 3, class: 'dot'}, this.svg);
    this.value.textContent = short(points.at(-1)[1]);
    this.svg.setAttribute('aria-label', t('{0}: from {1} to {2} between {3} {4} and {5}', this.title, short(points[0][1]),
      short(points.at(-1)[1]), this.xName, short(points[0][0]), short(points.at(-1)[0])));
  }

  point(event) {
    if (!this.points?.length) return;
    const box = this.svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * this.width;
    let nearest = this.shown[0];
    for (const point of this.shown)
      if (Math.abs(this.x(point[0]) - at) < Math.abs(this.x(nearest[0]) - at)) nearest = point;
    this.svg.querySelectorAll('.mark').forEach(mark => mark.remove());
    shape('line', {x1: this.x(nearest[0]), x2: this.x(nearest[0]), y1: top, y2: height - bottom, class: 'mark grid'}, this.svg);
    shape('circle', {cx: this.x(nearest[0]), cy: this.y(nearest[1]), r: 4, class: 'mark dot'}, this.svg);
    this.value.textContent = `${this.xName} ${short(nearest[0])}: ${short(nearest[1])}`;
  }
}
