// For tests of the page: what keeps people from using it. An expression; its value names what is wrong,
// one finding a line: controls without a name, ids that come twice, images without a text, headings
// without one, and texts whose contrast with what lies behind them is below WCAG 2.1's AA (4.5, for
// large ones 3).
(() => {
  const findings = [];
  const isShown = element => element.checkVisibility({opacityProperty: false, visibilityProperty: true}) &&
    element.getBoundingClientRect().width > 1;
  const say = (what, element) => findings.push(`${what}: <${element.localName} class="${element.className}"> ${element.textContent.slice(0, 40)}`);
  const nameOf = element => (element.ariaLabel || [...(element.labels ?? [])].map(label => label.textContent).join(' ') ||
    (element.getAttribute('aria-labelledby') ?? '').split(' ').map(id => document.getElementById(id)?.textContent ?? '').join(' ') ||
    element.textContent).trim();
  for (const element of document.querySelectorAll('button, input, select, textarea, a[href], dialog, nav, iframe, [role]')) {
    if (!isShown(element) || element.getAttribute('aria-hidden') === 'true' || element.closest('.katex')) continue;
    if (['status', 'presentation'].includes(element.getAttribute('role'))) continue;
    if (!nameOf(element) && !element.title) say('no name', element);
  }
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) findings.push('id twice: ' + id);
  for (const element of document.querySelectorAll('img:not([alt]), h1:empty, h2:empty, h3:empty')) say('empty', element);

  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const colorOf = text => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const color = colorOf(getComputedStyle(at).backgroundColor);
      layers.push(color);
      if (color[3] >= 0.999) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = color => {
    const [r, g, b] = color.map(value => value / 255).map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.querySelector('dialog[open]') ?? document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const element = node.parentElement;
    if (!node.nodeValue.trim() || !isShown(element) || element.closest('script, style, option, :disabled, .katex-mathml')) continue;
    const style = getComputedStyle(element), ground = behind(element);
    const ink = over(colorOf(element instanceof SVGElement ? style.fill : style.color), ground);
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) say('contrast ' + ratio.toFixed(2), element);
  }
  return [...new Set(findings)].join('\n');
})()
