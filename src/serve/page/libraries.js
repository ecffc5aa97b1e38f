// The libraries that draw replies, from this server: Markdown's at once, the others when a reply needs
// them. One that fails to load is null, and the page goes without it.

export const libraries = {marked: null, purify: null, katex: null, highlight: null};

const sources = {
  marked: () => import('/page/marked.js').then(() => globalThis.marked),
  purify: () => import('/page/purify.js').then(() => globalThis.DOMPurify?.isSupported ? globalThis.DOMPurify : null),
  katex: () => Promise.all([import('/page/katex.js'), style('katex.css'), style('formulas.css')])
    .then(() => globalThis.katex),
  highlight: () => import('/page/highlight.js').then(() => globalThis.hljs),
};

function style(name) {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = '/page/' + name;
    link.onload = resolve;
    link.onerror = reject;
    document.head.append(link);
  });
}

const loading = {};

// The library, or null when it cannot be had.
export function need(name) {
  return loading[name] ??= sources[name]()
    .then(library => libraries[name] = library ?? null)
    .catch(error => {
      console.warn(`${name} is not there: ${error.message ?? 'its style failed to load'}`);
      return null;
    });
}
