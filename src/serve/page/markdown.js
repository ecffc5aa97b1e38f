// Shows text of a model as Markdown. marked makes markup of it, DOMPurify takes out what could do
// harm, then formulas and code are drawn. Without these two libraries text.js shows it plainly.
import {drawCode} from './code.js';
import {drawFormula, formulaExtensions} from './formulas.js';
import {libraries} from './libraries.js';
import {showPlain} from './text.js';

const allowed = {
  ALLOWED_TAGS: ['a', 'b', 'blockquote', 'br', 'code', 'del', 'div', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i',
    'li', 'ol', 'p', 'pre', 's', 'span', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'u', 'ul'],
  ALLOWED_ATTR: ['align', 'class', 'data-display', 'href', 'start', 'title'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ADD_URI_SAFE_ATTR: ['align', 'start'],  // what that rule is not for
  RETURN_DOM_FRAGMENT: true,
};

let parser = null;

function escape(text) {
  return text.replace(/[&<>"']/g, c => ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'})[c]);
}

// marked, once it is there: tags in the text stay text, images are never fetched.
function markdown() {
  if (parser || !libraries.marked || !libraries.purify) return parser;
  const marked = libraries.marked;
  marked.use({
    gfm: true, breaks: false, headerIds: false, mangle: false,
    extensions: formulaExtensions(escape),
    renderer: {
      html: text => escape(text),
      image: (url, title, text) => escape(text || url),
      checkbox: checked => checked ? '☑ ' : '☐ ',
      code: (text, language) =>
        `<pre><code class="language-${escape((language ?? '').match(/^\S*/)[0])}">${escape(text)}</code></pre>`,
    },
  });
  return parser = marked;
}

// What may not be written as markup: links that say where they lead, wide tables that scroll.
function finish(fragment, isComplete) {
  for (const link of fragment.querySelectorAll('a')) {
    if (!link.getAttribute('href')) continue;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    link.title = link.href;
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = document.createElement('div');
    frame.className = 'wide';
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
  for (const heading of fragment.querySelectorAll('h1, h2')) {  // the page has its own
    const lower = document.createElement('h3');
    lower.className = heading.localName;
    lower.append(...heading.childNodes);
    heading.replaceWith(lower);
  }
  for (const code of fragment.querySelectorAll('pre > code')) drawCode(code.parentElement, isComplete);
  for (const math of fragment.querySelectorAll('code.math')) drawFormula(math);
}

// Text that grows: only the blocks that changed are drawn again, so that a selection stays and long
// replies cost little.
export class MarkdownView {
  constructor(parent) {
    this.parent = parent;
    this.blocks = [];  // {raw, isComplete, element}
  }

  // `isComplete`: nothing more will come.
  set(text, isComplete) {
    try {
      if (markdown()) return this.draw(text, isComplete);
    } catch (error) { console.warn('Markdown failed:', error.message); }
    this.blocks = [];
    showPlain(this.parent, text);
  }

  draw(text, isComplete) {
    const tokens = parser.lexer(text);
    const shown = tokens.filter(token => token.type !== 'space' && token.type !== 'def');
    if (!this.blocks.length) this.parent.replaceChildren();
    shown.forEach((token, i) => {
      const ends = isComplete || i + 1 < shown.length;
      const old = this.blocks[i];
      if (old?.raw === token.raw && old.isComplete === ends) return;
      const list = [token];
      list.links = tokens.links;
      const fragment = libraries.purify.sanitize(parser.parser(list), allowed);
      finish(fragment, ends);
      const element = document.createElement('div');
      element.className = 'block';
      element.append(fragment);
      if (old) old.element.replaceWith(element);
      else this.parent.append(element);
      this.blocks[i] = {raw: token.raw, isComplete: ends, element};
    });
    for (const block of this.blocks.splice(shown.length)) block.element.remove();
  }
}
