// One message as it is shown: a question, a reply with its thinking folded and its calls of tools, or
// the result of a tool. What its buttons do is the thread's business.
import {copyButton, el, icon, iconButton} from './dom.js';
import {MarkdownView} from './markdown.js';
import {t, withheldNote} from './words.js';
import {newId, place} from './tree.js';
import {statistics} from './statistics.js';

// ‹ 1/3 ›
function branches(thread, node, actions) {
  const {index, count} = place(thread, node);
  if (count < 2) return null;
  return el('span', {class: 'branches', role: 'group', 'aria-label': t('Versions')},
    iconButton('left', t('Earlier version'), () => actions.step(node, -1), {disabled: index === 0, 'data-step': '-1'}),
    el('span', {class: 'place', text: `${index + 1}/${count}`}),
    iconButton('right', t('Later version'), () => actions.step(node, 1), {disabled: index === count - 1, 'data-step': '1'}));
}

export class QuestionView {
  constructor(thread, node, actions) {
    this.node = node;
    this.bubble = el('div', {class: 'bubble', text: node.content});
    this.foot = el('div', {class: 'foot'},
      copyButton(t('Copy'), t('Copied'), () => node.content),
      iconButton('edit', t('Edit'), () => this.edit(actions), {'data-action': 'edit'}),
      branches(thread, node, actions));
    this.element = el('article', {class: 'message question', 'aria-label': t('You'), 'data-id': node.id}, this.bubble, this.foot);
  }

  edit(actions) {
    const area = el('textarea', {value: this.node.content, 'aria-label': t('Edit the question'), rows: '3'});
    const leave = () => {
      box.replaceWith(this.bubble);
      this.foot.hidden = false;
      this.foot.querySelector('[data-action=edit]').focus();
    };
    const send = () => { if (area.value.trim()) actions.edit(this.node, area.value.trim()); };
    const box = el('div', {class: 'edit'}, area, el('div', {class: 'dialog-buttons'},
      el('button', {type: 'button', text: t('Cancel'), onclick: leave}),
      el('button', {type: 'button', class: 'primary', text: t('Send'), onclick: send})));
    area.addEventListener('keydown', event => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === 'Escape') { event.stopPropagation(); leave(); }
      if (event.key === 'Enter' && !event.shiftKey) { event.preventDefault(); send(); }
    });
    this.bubble.replaceWith(box);
    this.foot.hidden = true;
    area.focus();
  }
}

// A call that the model makes: its name and arguments, and a place for the result until one was sent.
function callCard(call, hasResult, onresult) {
  let text = call.function?.arguments ?? '';
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* as it came */ }
  const card = el('section', {class: 'call', 'aria-label': t('Call of a tool')},
    el('div', {class: 'call-head'}, icon('tool'), el('strong', {text: call.function?.name ?? '?'})),
    el('pre', {text, tabIndex: 0}));
  if (!hasResult) {
    const id = 'result-' + newId();
    const area = el('textarea', {id, rows: '2'});
    card.append(el('label', {for: id, text: t('Result of the tool')}), area,
      el('div', {class: 'dialog-buttons'}, el('button', {type: 'button', text: t('Send the result'),
        onclick: () => onresult(call, area.value)})));
  }
  return card;
}

export class ReplyView {
  constructor(thread, node, actions) {
    Object.assign(this, {thread, node, actions});
    this.thoughts = el('div', {class: 'thoughts'});
    this.summary = el('summary');
    this.fold = el('details', {class: 'thinking', hidden: true}, this.summary, this.thoughts);
    this.answer = el('div', {class: 'answer'});
    this.calls = el('div');
    this.error = el('p', {class: 'error', hidden: true});
    this.withheld = el('p', {class: 'withheld', hidden: true});
    this.foot = el('div', {class: 'foot'});
    this.wait = el('p', {class: 'wait', hidden: true}, el('span', {class: 'dots', 'aria-hidden': 'true'}, el('i'), el('i'), el('i')),
                   el('span', {text: t('Waiting for the model …')}));
    this.element = el('article', {class: 'message reply', 'aria-label': t('Reply of {0}', node.model || t('the model')), 'data-id': node.id},
      this.fold, this.wait, this.answer, this.calls, this.withheld, this.error, this.foot);
    this.thoughtText = new MarkdownView(this.thoughts);
    this.answerText = new MarkdownView(this.answer);
    // Thoughts are drawn when somebody looks.
    this.fold.addEventListener('toggle', () => this.drawThoughts());
    this.draw();
  }

  drawThoughts() {
    if (this.fold.open) this.thoughtText.set(this.node.thinking ?? '', !this.isRunning());
  }

  isRunning() { return this.actions.isRunning(this.node); }

  draw() {
    const {node} = this, running = this.isRunning();
    this.element.classList.toggle('running', running);
    this.element.setAttribute('aria-busy', String(running));
    this.wait.hidden = !running || Boolean(node.content || node.thinking);
    this.fold.hidden = !node.thinking;
    if (node.thinking) {
      const thinks = running && !node.content && !node.calls?.length;
      this.summary.textContent = thinks ? t('Thinking …') :
        node.thinkingSeconds ? t('Thought for {0} s', node.thinkingSeconds.toFixed(1)) : t('Thoughts');
      this.drawThoughts();
    }
    this.answerText.set(node.content, !running);
    this.drawCalls();
    this.withheld.hidden = !node.withheld;
    this.withheld.textContent = node.withheld ? withheldNote(node) : '';
    this.error.hidden = !node.error;
    this.error.textContent = node.error ?? '';
    if (!running) this.drawFoot();
  }

  drawCalls() {
    if (this.node.calls?.length === this.shownCalls && !this.isRunning()) return;
    this.shownCalls = this.node.calls?.length ?? 0;
    const answered = new Set(Object.values(this.thread.nodes).filter(node => node.role === 'tool').map(node => node.call));
    this.calls.replaceChildren(...(this.node.calls ?? []).map(call =>
      callCard(call, answered.has(call.id) || this.isRunning(), this.actions.result)));
    if (this.isRunning()) this.shownCalls = -1;
  }

  drawFoot() {
    const {thread, node, actions} = this;
    this.foot.replaceChildren(
      copyButton(t('Copy'), t('Copied'), () => node.content),
      iconButton('redo', t('Make this reply again'), () => actions.again(node), {'data-action': 'again'}),
      ...[branches(thread, node, actions)].filter(Boolean),
      statistics(node, actions.contextOf(node.model)));
  }
}

export class ResultView {
  constructor(thread, node, actions) {
    this.element = el('article', {class: 'message result', 'aria-label': t('Result of a tool'), 'data-id': node.id},
      el('details', {}, el('summary', {}, t('Result of the tool')), el('pre', {text: node.content, tabIndex: 0})),
      el('div', {class: 'foot'}, ...[branches(thread, node, actions)].filter(Boolean)));
  }
}

export function viewOf(thread, node, actions) {
  const kinds = {user: QuestionView, assistant: ReplyView, tool: ResultView};
  return new kinds[node.role](thread, node, actions);
}
