// Where questions are typed: Enter sends, Shift+Enter begins a line, and what an input method is still
// composing is never sent.
import {el, icon} from './dom.js';
import {t} from './words.js';

export class Composer {
  // actions: {send(text), stop(), thinking(value)}.
  constructor(actions) {
    this.actions = actions;
    this.area = el('textarea', {id: 'question', rows: '1', placeholder: t('Ask something'), 'aria-label': t('Message'),
      enterkeyhint: 'send'});
    this.send = el('button', {type: 'submit', class: 'round', id: 'send', 'aria-label': t('Send'), title: t('Send (Enter)')}, icon('send'));
    this.stop = el('button', {type: 'button', class: 'round', id: 'stop', hidden: true, 'aria-label': t('Stop'), title: t('Stop (Esc)'),
      onclick: () => actions.stop()}, icon('stop'));
    this.thinking = el('select', {id: 'thinking', 'aria-label': t('Thinking'), class: 'chip', onchange: () => actions.thinking(this.thinking.value)},
      el('option', {value: '', text: t('Thinking: as the model likes')}),
      el('option', {value: 'enabled', text: t('Thinking: on')}),
      el('option', {value: 'disabled', text: t('Thinking: off')}));
    this.note = el('span', {class: 'note'});
    this.element = el('form', {class: 'composer'},
      el('div', {class: 'box'}, this.area, el('div', {class: 'box-foot'}, this.thinking, this.note, this.send, this.stop)));
    this.element.addEventListener('submit', event => {
      event.preventDefault();
      this.submit();
    });
    this.area.addEventListener('keydown', event => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit();
    });
    this.area.addEventListener('input', () => this.grow());
    this.setRunning(false);
  }

  submit() {
    const text = this.area.value.trim();
    if (!text || this.isRunning) return;
    this.area.value = '';
    this.grow();
    this.actions.send(text);
  }

  grow() {
    this.area.style.height = 'auto';
    this.area.style.height = Math.min(this.area.scrollHeight, innerHeight * 0.4) + 'px';
    this.send.disabled = !this.area.value.trim();
  }

  setRunning(isRunning) {
    const hadFocus = document.activeElement === this.stop || document.activeElement === this.send;
    this.isRunning = isRunning;
    this.send.hidden = isRunning;
    this.stop.hidden = !isRunning;
    this.send.disabled = !this.area.value.trim();
    if (hadFocus) this.area.focus();
  }
}
