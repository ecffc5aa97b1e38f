// Light or dark, as the system has it or as chosen here.
import {remember, remembered} from './store.js';

export const looks = ['auto', 'light', 'dark'];

export function look() {
  const chosen = remembered('look', 'auto');
  return looks.includes(chosen) ? chosen : 'auto';
}

export function setLook(name) {
  remember('look', name);
  applyLook();
}

export function applyLook() {
  if (look() === 'auto') delete document.documentElement.dataset.look;
  else document.documentElement.dataset.look = look();
}
