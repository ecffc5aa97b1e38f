// Formulas: finds \( \), \[ \], $ $ and $$ $$ in Markdown and lets KaTeX draw them. KaTeX builds
// elements and sets their styles through the CSSOM, which the page's policy allows; with `trust` off
// no formula makes links or loads anything. Until it is loaded, or without it, the source is shown.
import {libraries, need} from './libraries.js';

const inlineRules = [
  [/^\\\(([^]+?)\\\)/, false],
  [/^\\\[([^]+?)\\\]/, true],
  [/^\$\$([^]+?)\$\$/, true],
  // As in pandoc: "$5 and $6" is no formula.
  [/^\$(?![\s$])((?:\\[^\n]|[^\\$\n])*?(?:\\[^\n]|[^\\$\s]))\$(?!\d)/, false],
];
const blockRule = /^ {0,3}(?:\$\$([^]+?)\$\$|\\\[([^]+?)\\\]) *(?:\n|$)/;

// For marked: formulas become <code class="math"> with the source as its text.
export function formulaExtensions(escape) {
  const renderer = token => `<code class="math"${token.display ? ' data-display="1"' : ''}>${escape(token.text)}</code>`;
  return [
    {
      name: 'formula', level: 'inline', renderer,
      start: source => source.match(/\$|\\[([]/)?.index,
      tokenizer(source) {
        for (const [rule, display] of inlineRules) {
          const match = rule.exec(source);
          if (match) return {type: 'formula', raw: match[0], text: match[1].trim(), display};
        }
      },
    },
    {
      name: 'formulaBlock', level: 'block', renderer: token => `<p>${renderer(token)}</p>`,
      start: source => source.match(/(?:^|\n) {0,3}(?:\$\$|\\\[)/)?.index,
      tokenizer(source) {
        const match = blockRule.exec(source);
        if (match) return {type: 'formulaBlock', raw: match[0], text: (match[1] ?? match[2]).trim(), display: true};
      },
    },
  ];
}

// Replaces the source in `place`, now or when KaTeX is there.
export function drawFormula(place) {
  const source = place.textContent;
  const draw = katex => {
    const span = document.createElement(place.dataset.display ? 'div' : 'span');
    span.className = 'formula';
    try {
      katex.render(source, span, {displayMode: Boolean(place.dataset.display), throwOnError: true, trust: false,
        strict: 'ignore', maxSize: 40, maxExpand: 500});
    } catch { return; }  // no formula of KaTeX's: its source is the best there is
    if (place.dataset.display) span.tabIndex = 0;  // wide ones scroll
    place.replaceWith(span);
  };
  if (libraries.katex) draw(libraries.katex);
  else need('katex').then(katex => { if (katex) draw(katex); });
}
