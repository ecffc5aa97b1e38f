// The key of a server that wants one: asked for once, kept for this tab alone.
import {el} from './dom.js';
import {t} from './words.js';

const name = 'weir-key';
let inMemory = '';  // where storage is forbidden
let asking = null;  // one dialog for all requests that wait

export function key() {
  try {
    return sessionStorage.getItem(name) ?? inMemory;
  } catch { return inMemory; }
}

function keep(value) {
  inMemory = value;
  try {
    sessionStorage.setItem(name, value);
  } catch { /* in memory, then */ }
}

// True: try again, there is another key than `refused`. False: the person gave up.
export async function askForKey(refused) {
  if (key() !== refused) return true;
  asking ??= ask(refused).finally(() => { asking = null; });
  return asking;
}

function ask(refused) {
  return new Promise(resolve => {
    const input = el('input', {id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true});
    const dialog = el('dialog', {class: 'small', 'aria-labelledby': 'key-title'},
      el('form', {method: 'dialog', onsubmit: () => dialog.close(input.value.trim())},
        el('h2', {id: 'key-title', text: t('This server asks for a key')}),
        el('p', {class: 'soft', text: refused ? t('That key is not accepted. Try another one.') :
                                               t('Whoever runs the server gives you one. It stays in this tab until you close it.')}),
        el('label', {for: 'key', text: t('Key')}), input,
        el('div', {class: 'dialog-buttons'},
          el('button', {type: 'button', text: t('Cancel'), onclick: () => dialog.close('')}),
          el('button', {class: 'primary', text: t('Use the key')}))));
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (dialog.returnValue) keep(dialog.returnValue);
      resolve(Boolean(dialog.returnValue));
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
