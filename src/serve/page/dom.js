// Makes elements and icons. Texts become text nodes: nothing here reads markup.

const properties = new Set(['value', 'checked', 'hidden', 'disabled', 'open', 'selected', 'tabIndex']);

// el('button', {class: 'quiet', onclick: f, text: 'Stop'}, child, ...); null children are left out.
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'class') element.className = value;
    else if (key === 'text') element.textContent = value;
    else if (properties.has(key)) element[key] = value;
    else if (value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined));
  return element;
}

// Lines on a grid of 24.
const shapes = {
  menu: 'M4 7h16M4 12h16M4 17h16',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M8 8h8v8H8z',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  copy: 'M9 9h10v10H9zM15 9V5H5v10h4',
  check: 'M5 13l4 4L19 7',
  redo: 'M19 12a7 7 0 1 1-2-5M17 3v4h-4',
  left: 'M14 6l-6 6 6 6',
  right: 'M10 6l6 6-6 6',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  settings: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  columns: 'M4 5h16v14H4zM12 5v14',
  search: 'M11 5a6 6 0 1 1 0 12 6 6 0 0 1 0-12M16 16l4 4',
  trash: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
  save: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  chart: 'M4 4v16h16M7 15l4-5 3 3 5-7',
  server: 'M4 5h16v6H4zM4 13h16v6H4zM7 8h2M7 16h2',
  up: 'M7 11v9H4v-9zM7 11l4-7a2 2 0 0 1 2 2v4h6l-2 10H7',
  down: 'M7 13V4H4v9zM7 13l4 7a2 2 0 0 0 2-2v-4h6L17 4H7',
  tool: 'M14 6a4 4 0 0 1 5-1l-3 3 1 2 2 1 3-3a4 4 0 0 1-6 5l-7 7-2-2 7-7a4 4 0 0 1 0-5',
};

export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', shapes[name]);
  svg.append(path);
  return svg;
}

// A button that shows an icon and is named for readers of the screen.
export function iconButton(name, label, onclick, more = {}) {
  return el('button', {type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick, ...more},
            icon(name));
}

// Says what has ended to readers of the screen, once.
export function announce(text) {
  const place = document.getElementById('announcement');
  if (place) place.textContent = text.slice(0, 1000);
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* only pages of this machine or with TLS have a clipboard */ }
  const area = el('textarea', {value: text, class: 'hidden', 'aria-hidden': 'true'});
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

// A copy button that shows for a moment that it has copied.
export function copyButton(label, done, text, more = {}) {
  const button = iconButton('copy', label, async () => {
    if (!await copyText(text())) return;
    button.replaceChildren(icon('check'));
    announce(done);
    setTimeout(() => button.replaceChildren(icon('copy')), 1500);
  }, more);
  return button;
}

export function saveFile(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], {type}));
  const link = el('a', {href: url, download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
