// The page's words. English is the key; chinese.js has the others. {0} stands for the first value.
import {chinese} from './chinese.js';
import {remember, remembered} from './store.js';

export const languages = [['auto', 'auto'], ['en', 'English'], ['zh', '中文']];

// "en" or "zh": as chosen here, else as the browser has it.
export function language() {
  const chosen = remembered('language', 'auto');
  if (chosen === 'en' || chosen === 'zh') return chosen;
  const first = navigator.languages.find(name => /^(en|zh)\b/i.test(name)) ?? 'en';
  return first.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export function setLanguage(name) { remember('language', name); }

// Why the guard withheld or changed a reply, of what tree.js calls withheld and withheldBy.
export function withheldNote(node) {
  const notes = {redact: 'Removed from this reply by the guard of this server: {0}', rewrite: 'Replaced in this reply by the guard of this server: {0}'};
  return t(notes[node.withheldBy] ?? 'Withheld by the guard of this server: {0}', node.withheld);
}

export function t(words, ...values) {
  const found = language() === 'zh' ? chinese[words] ?? words : words;
  return found.replace(/\{(\d)\}/g, (_, i) => values[i]);
}

export function number(value) { return new Intl.NumberFormat(language()).format(value ?? 0); }

// "14:05" of today, else the date with it.
export function when(ms) {
  const date = new Date(ms), today = new Date().toDateString() === date.toDateString();
  return new Intl.DateTimeFormat(language(), today ? {timeStyle: 'short'} : {dateStyle: 'medium', timeStyle: 'short'}).format(date);
}

export function duration(seconds) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (days) return t('{0} d {1} h', days, hours % 24);
  if (hours) return t('{0} h {1} min', hours, minutes % 60);
  return minutes ? t('{0} min', minutes) : t('{0} s', Math.max(0, Math.round(seconds)));
}
