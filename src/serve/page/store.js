// Conversations live in this browser alone: an IndexedDB of whole conversations, in memory as well so
// that the list and the search need not wait. Without IndexedDB they last as long as the page.

const all = new Map();  // id -> conversation
let database = null;

function request(made) {
  return new Promise((resolve, reject) => {
    made.onsuccess = () => resolve(made.result);
    made.onerror = () => reject(made.error);
  });
}

function objects(mode) { return database.transaction('conversations', mode).objectStore('conversations'); }

export async function openStore() {
  try {
    const opening = indexedDB.open('weir', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('conversations', {keyPath: 'id'});
    database = await request(opening);
    for (const conversation of await request(objects('readonly').getAll())) all.set(conversation.id, conversation);
  } catch {
    database = null;
  }
}

// The one changed last comes first.
export function conversations() { return [...all.values()].sort((a, b) => b.updated - a.updated); }

export function conversation(id) { return all.get(id) ?? null; }

export async function keep(conversation) {
  all.set(conversation.id, conversation);
  try {
    if (database) await request(objects('readwrite').put(structuredClone(conversation)));
  } catch { /* storage is full: it lasts as long as the page */ }
}

export async function forget(id) {
  all.delete(id);
  try {
    if (database) await request(objects('readwrite').delete(id));
  } catch { /* it is gone from the list at least */ }
}

// Conversations in whose title or messages every word of `text` occurs.
export function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return conversations();
  return conversations().filter(one => {
    const texts = [one.title, ...one.columns.flatMap(column => Object.values(column.nodes).map(node => node.content))];
    const joined = texts.join('\n').toLowerCase();
    return words.every(word => joined.includes(word));
  });
}

// Small settings of the page, such as the language.
export function remembered(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem('weir-' + name)) ?? otherwise;
  } catch { return otherwise; }
}

export function remember(name, value) {
  try {
    localStorage.setItem('weir-' + name, JSON.stringify(value));
  } catch { /* forbidden: it lasts as long as the page */ }
}
