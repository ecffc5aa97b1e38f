// A thread as a column: its messages, and what can be done with them. It runs one reply at a time.
import {announce, el} from './dom.js';
import {viewOf} from './message_view.js';
import {runReply} from './reply.js';
import {add, leaf, path, place, step} from './tree.js';
import {t} from './words.js';

export class ThreadView {
  // `page`: {settings(), contextOf(model), changed(), greeting()}.
  constructor(thread, page) {
    Object.assign(this, {thread, page});
    this.views = [];
    this.controller = null;  // of the reply that runs
    this.running = null;     // its node
    this.list = el('div', {class: 'messages'});
    this.element = el('div', {class: 'thread', tabIndex: 0, role: 'region', 'aria-label': t('Conversation')}, this.list);
    this.follows = true;
    this.element.addEventListener('scroll', () => {
      const {scrollHeight, scrollTop, clientHeight} = this.element;
      this.follows = scrollHeight - scrollTop - clientHeight < 60;
    });
    this.actions = {
      step: (node, by) => this.step(node, by),
      edit: (node, text) => this.ask(text, node.parent),
      again: node => this.again(node),
      result: (call, text) => this.result(call, text),
      isRunning: node => this.running === node,
      contextOf: model => page.contextOf(model),
    };
    this.draw();
  }

  draw() {
    const nodes = path(this.thread);
    this.views = nodes.map(node => viewOf(this.thread, node, this.actions));
    this.list.replaceChildren(...(nodes.length ? this.views.map(view => view.element) : [this.page.greeting(this.thread)]));
    if (this.follows) this.toEnd();
  }

  toEnd() {
    this.follows = true;
    this.element.scrollTop = this.element.scrollHeight;
  }

  isRunning() { return this.running !== null; }

  stop() { this.controller?.abort(); }

  // Another version of a message; the focus stays on the arrow, which is drawn anew.
  step(node, by) {
    if (this.isRunning()) return;
    const other = step(this.thread, node, by);
    if (!other) return;
    this.follows = false;
    this.draw();
    this.page.changed();
    const shown = this.list.querySelector(`[data-id="${other.id}"]`);
    (shown?.querySelector(`[data-step="${by}"]:not(:disabled)`) ?? shown?.querySelector('[data-step]:not(:disabled)'))?.focus();
    const {index, count} = place(this.thread, other);
    announce(t('Version {0} of {1}', index + 1, count));
  }

  // A question after `parent`, by default after the newest message.
  ask(text, parent = leaf(this.thread)) {
    if (this.isRunning()) return null;
    const node = add(this.thread, parent, {role: 'user', content: text});
    return this.reply(node.id);
  }

  again(node) { return this.isRunning() ? null : this.reply(node.parent); }

  result(call, text) {
    if (this.isRunning()) return;
    const node = add(this.thread, leaf(this.thread), {role: 'tool', content: text, call: call.id});
    const asked = path(this.thread).findLast(one => one.role === 'assistant').calls ?? [];
    const answered = new Set(path(this.thread).filter(one => one.role === 'tool').map(one => one.call));
    if (asked.every(one => answered.has(one.id))) return this.reply(node.id);
    this.draw();
    this.page.changed();
  }

  async reply(parent) {
    const node = add(this.thread, parent, {role: 'assistant', model: this.thread.model});
    this.controller = new AbortController();
    this.running = node;
    this.follows = true;
    this.draw();
    this.page.changed();
    const view = this.views.at(-1);
    await runReply(this.thread, node, this.page.settings(), this.controller.signal, () => {
      view.draw();
      if (this.follows) this.element.scrollTop = this.element.scrollHeight;
    });
    this.running = this.controller = null;
    view.draw();
    if (this.follows) this.toEnd();
    announce(node.error ?? (view.answer.textContent || t('The reply has ended')));
    this.page.changed();
  }
}
