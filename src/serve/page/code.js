// Blocks of code: a line with the language and a button that copies, colors by highlight.js.
import {copyButton, el} from './dom.js';
import {libraries, need} from './libraries.js';
import {t} from './words.js';

const bytesMax = 60000;         // longer code has no colors
const growingBytesMax = 6000;   // nor has code that still grows, beyond this
const allowed = {ALLOWED_TAGS: ['span'], ALLOWED_ATTR: ['class'], RETURN_DOM_FRAGMENT: true};

function languageOf(code) { return code.className.match(/language-(\S+)/)?.[1] ?? ''; }

function color(code, language, isComplete) {
  const text = code.textContent;
  if (!language || text.length > (isComplete ? bytesMax : growingBytesMax)) return;
  const draw = highlight => {
    if (!highlight.getLanguage(language)) return;
    try {
      code.replaceChildren(libraries.purify.sanitize(highlight.highlight(language, text, true).value, allowed));
    } catch { /* without colors, then */ }
  };
  if (libraries.highlight) draw(libraries.highlight);
  else need('highlight').then(highlight => { if (highlight) draw(highlight); });
}

// Turns a <pre><code> that is not in the page yet into a block with a head.
export function drawCode(pre, isComplete) {
  const code = pre.querySelector('code');
  const language = languageOf(code);
  const text = code.textContent;
  pre.tabIndex = 0;
  color(code, language, isComplete);
  const block = el('div', {class: 'code'},
    el('div', {class: 'code-head'}, el('span', {text: language || t('text')}),
       copyButton(t('Copy the code'), t('Copied'), () => text)));
  pre.replaceWith(block);
  block.append(pre);
}
