// Shows text plainly, where Markdown cannot be drawn: paragraphs and fenced code, as text nodes only, so
// that nothing in it becomes markup.

function block(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}

// Pieces of `text`: {code: bool, text}. A fence that is not closed yet is code already.
export function pieces(text) {
  const list = [];
  let lines = [], fence = null;
  const flush = code => {
    const joined = lines.join('\n');
    if (code || joined.trim()) list.push({code, text: joined});
    lines = [];
  };
  for (const line of text.split('\n')) {
    const mark = line.match(/^\s*(`{3,}|~{3,})/);
    if (fence && mark && mark[1][0] === fence[0] && mark[1].length >= fence.length &&
        line.trim() === mark[1]) {
      flush(true);
      fence = null;
    } else if (!fence && mark) {
      flush(false);
      fence = mark[1];
    } else if (!fence && line.trim() === '') {
      flush(false);
    } else {
      lines.push(line);
    }
  }
  flush(fence !== null);
  return list;
}

// Replaces what `parent` holds; what is unchanged stays, so a selection does too.
export function showPlain(parent, text) {
  const wanted = pieces(text);
  wanted.forEach((piece, i) => {
    const old = parent.children[i];
    const name = piece.code ? 'PRE' : 'P';
    if (old && old.tagName === name) {
      if (old.textContent !== piece.text) old.textContent = piece.text;
    } else if (old) {
      old.replaceWith(block(name, piece.text));
    } else {
      parent.append(block(name, piece.text));
    }
  });
  while (parent.children.length > wanted.length) parent.lastElementChild.remove();
}
