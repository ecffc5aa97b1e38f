// What a conversation asks the server for beside its messages: the system prompt, sampling, thinking,
// tools. Every setting is a text as it was typed; "" leaves it to the server.
import {el} from './dom.js';
import {t} from './words.js';

export const defaults = {
  system: '', thinking: '', temperature: '', top_p: '', top_k: '', min_p: '', repeat_penalty: '',
  presence_penalty: '', frequency_penalty: '', max_tokens: '', seed: '', stop: '', tools: '',
};

const numbers = {  // name: [lowest, highest, step]
  temperature: [0, 10, 0.1], top_p: [0, 1, 0.05], top_k: [0, 1000, 1], min_p: [0, 1, 0.01],
  repeat_penalty: [0, 10, 0.05], presence_penalty: [-2, 2, 0.1], frequency_penalty: [-2, 2, 0.1],
  max_tokens: [1, 16777216, 1], seed: [0, Number.MAX_SAFE_INTEGER, 1],
};

function labels() {
  return {
    temperature: t('Temperature'), top_p: t('Top-p'), top_k: t('Top-k'), min_p: t('Min-p'),
    repeat_penalty: t('Repeat penalty'), presence_penalty: t('Presence penalty'), frequency_penalty: t('Frequency penalty'),
    max_tokens: t('Maximum tokens'), seed: t('Seed'),
  };
}

// The fields of a request. Throws a sentence for tools that cannot be read.
export function requestSettings(settings) {
  const fields = {};
  for (const name of Object.keys(numbers)) {
    const typed = settings[name] ?? '';
    if (typed !== '' && Number.isFinite(Number(typed))) fields[name] = Number(typed);
  }
  const stops = (settings.stop ?? '').split('\n').filter(Boolean);
  if (stops.length) fields.stop = stops;
  if (settings.thinking) fields.thinking = {type: settings.thinking};
  if (settings.tools?.trim()) {
    try {
      fields.tools = JSON.parse(settings.tools);
    } catch (error) { throw new Error(t('The tools in the settings are not JSON: {0}', error.message)); }
  }
  return fields;
}

// A sheet with the settings of one conversation; calls changed(name, value) for each that is edited.
// `served`: what the server uses where a setting is empty. `more`: elements below.
export function openSettings(settings, served, changed, more) {
  const onchange = name => event => {
    if (event.target.checkValidity()) changed(name, event.target.value);
    else event.target.reportValidity();
  };
  const area = (name, label, rows, hint) => [
    el('label', {for: 'set-' + name, text: label}),
    el('textarea', {id: 'set-' + name, rows, value: settings[name] ?? '', placeholder: hint, spellcheck: 'false', onchange: onchange(name)})];
  const field = ([name, [min, max, step]]) => el('div', {class: 'field'},
    el('label', {for: 'set-' + name, text: labels()[name]}),
    el('input', {id: 'set-' + name, type: 'number', min, max, step: step === 1 ? 1 : 'any', inputmode: 'decimal',
                 value: settings[name] ?? '', placeholder: served[name] ?? t('server'), onchange: onchange(name)}));
  const dialog = el('dialog', {class: 'sheet', 'aria-labelledby': 'settings-title'},
    el('div', {class: 'sheet-head'}, el('h2', {id: 'settings-title', text: t('Settings')}),
      el('button', {type: 'button', text: t('Done'), onclick: () => dialog.close()})),
    el('section', {}, el('h3', {text: t('This conversation')}),
      ...area('system', t('System prompt'), '4', t('None'))),
    el('section', {}, el('h3', {text: t('Sampling')}),
      el('p', {class: 'soft', text: t('Empty fields leave the choice to the server.')}),
      el('div', {class: 'fields'}, Object.entries(numbers).map(field)),
      ...area('stop', t('Stop strings, one a line'), '2')),
    el('section', {}, el('h3', {text: t('Tools')}),
      ...area('tools', t('Functions that the model may call: a JSON list as in the API'), '4',
              '[{"type": "function", "function": {"name": …}}]')),
    ...more);
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
