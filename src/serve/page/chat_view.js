// The view of a conversation: which models answer, a column of messages for each, and the composer
// that asks all of them.
import {Composer} from './composer.js';
import {el, iconButton} from './dom.js';
import {ThreadView} from './thread_view.js';
import {copyOfPath} from './tree.js';
import {t} from './words.js';

const columnsMax = 3;

export class ChatView {
  // `app`: {models, served, contextOf(model), hasThinking, keep(conversation), openMenu(), openSettings()}.
  constructor(app, conversation) {
    Object.assign(this, {app, conversation});
    this.composer = new Composer({
      send: text => this.send(text),
      stop: () => this.stop(),
      thinking: value => { conversation.settings.thinking = value; app.keep(conversation); },
    });
    this.head = el('header', {class: 'bar'});
    this.columns = el('div', {class: 'columns'});
    this.element = el('div', {class: 'view chat'}, this.head, this.columns, this.composer.element);
    this.draw();
  }

  draw() {
    const {conversation, app} = this;
    const threads = conversation.columns;
    this.views = threads.map(thread => new ThreadView(thread, {
      settings: () => conversation.settings,
      contextOf: model => app.contextOf(model),
      changed: () => this.changed(),
      greeting: one => this.greeting(one),
    }));
    const isCompare = threads.length > 1;
    this.element.classList.toggle('compare', isCompare);
    this.head.replaceChildren(
      iconButton('menu', t('Conversations'), () => app.openMenu(), {class: 'icon-button menu-button'}),
      isCompare ? el('h1', {class: 'bar-title', text: t('Comparison')}) : this.picker(0),
      el('span', {class: 'space'}),
      iconButton('columns', t('Compare with another model'), () => this.addColumn(),
                 {id: 'compare', disabled: threads.length >= columnsMax}),
      iconButton('settings', t('Settings'), () => app.openSettings(), {id: 'settings'}));
    this.columns.replaceChildren(...this.views.map((view, i) => el('section', {class: 'column', 'aria-label': threads[i].model || t('Model')},
      isCompare ? el('div', {class: 'column-head'}, this.picker(i),
        iconButton('close', t('Remove this column'), () => this.removeColumn(i))) : null, view.element)));
    this.composer.thinking.hidden = !app.hasThinking;
    this.composer.thinking.value = conversation.settings.thinking ?? '';
    this.composer.note.textContent = conversation.settings.system ? t('with a system prompt') : '';
    this.views.forEach(view => view.toEnd());
  }

  picker(i) {
    const thread = this.conversation.columns[i];
    const names = [...this.app.models];
    if (thread.model && !names.includes(thread.model)) names.unshift(thread.model);  // of another day
    const select = el('select', {class: 'model', 'aria-label': t('Model'), onchange: () => {
      thread.model = select.value;
      this.app.keep(this.conversation);
      this.draw();
      this.element.querySelectorAll('select.model')[i].focus();
    }}, names.map(name => el('option', {value: name, text: name})));
    select.value = thread.model || names[0] || '';
    return select;
  }

  greeting(thread) {
    return el('div', {class: 'greeting'}, el('p', {class: 'greeting-title', text: t('What would you like to know?')}),
      el('p', {class: 'soft', text: thread.model ? t('{0} answers on this server. Conversations stay in this browser.', thread.model) :
                                                   t('Conversations stay in this browser.')}));
  }

  isRunning() { return this.views.some(view => view.isRunning()); }

  stop() { this.views.forEach(view => view.stop()); }

  send(text) {
    const {conversation} = this;
    if (!conversation.title) conversation.title = text.replace(/\s+/g, ' ').slice(0, 60);
    for (const view of this.views) view.ask(text);
  }

  // A message came or went: keeps the conversation.
  changed() {
    this.composer.setRunning(this.isRunning());
    this.conversation.updated = Date.now();
    this.app.keep(this.conversation);
  }

  addColumn() {
    const threads = this.conversation.columns;
    if (this.isRunning() || threads.length >= columnsMax) return;
    const used = new Set(threads.map(thread => thread.model));
    const model = this.app.models.find(name => !used.has(name)) ?? threads[0].model;
    threads.push(copyOfPath(threads[0], model));
    this.app.keep(this.conversation);
    this.draw();
    this.composer.area.focus();
  }

  removeColumn(i) {
    if (this.isRunning()) return;
    this.conversation.columns.splice(i, 1);
    this.app.keep(this.conversation);
    this.draw();
    this.composer.area.focus();
  }

  leave() { this.stop(); }
}
