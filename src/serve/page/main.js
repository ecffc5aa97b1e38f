// The chat page: one conversation, streamed from this server.
import {streamChat} from './stream.js';
import {show} from './text.js';

const $ = id => document.getElementById(id);
const log = $('log'), question = $('question'), status = $('status');
const settings = ['system', 'temperature', 'tokens', 'thinking'];

let messages = [];
let running = null;  // AbortController of the reply that is made

function article(role) {
  const element = document.createElement('article');
  element.className = role;
  element.setAttribute('aria-label', role === 'user' ? 'You' : 'Model');
  log.append(element);
  return element;
}

function isAtEnd() { return log.scrollHeight - log.scrollTop - log.clientHeight < 60; }

// A reply as it grows: its thinking folded, its text, what ended it.
class ReplyView {
  constructor() {
    this.element = article('assistant');
    this.thinking = '';
    this.text = '';
    this.isScheduled = false;
  }
  add(delta) {
    this.thinking += delta.reasoning_content ?? '';
    this.text += delta.content ?? '';
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => this.draw());
  }
  draw() {
    this.isScheduled = false;
    const follows = isAtEnd();
    if (this.thinking && !this.fold) {
      this.fold = document.createElement('details');
      this.fold.className = 'thinking';
      const summary = document.createElement('summary');
      this.thought = document.createElement('div');
      this.fold.append(summary, this.thought);
      this.element.prepend(this.fold);
    }
    if (this.fold) {
      this.fold.firstChild.textContent = this.text ? 'Thinking' : 'Thinking …';
      show(this.thought, this.thinking);
    }
    if (!this.answer) {
      this.answer = document.createElement('div');
      this.element.append(this.answer);
    }
    show(this.answer, this.text);
    if (follows) log.scrollTop = log.scrollHeight;
  }
  fail(text) {
    const line = document.createElement('p');
    line.className = 'error';
    line.textContent = text;
    this.element.append(line);
  }
}

function request() {
  const system = $('system').value.trim();
  const made = {messages: system ? [{role: 'system', content: system}, ...messages] : messages};
  if ($('temperature').value !== '') made.temperature = Number($('temperature').value);
  if ($('tokens').value !== '') made.max_tokens = Number($('tokens').value);
  if ($('thinking').value) made.thinking = {type: $('thinking').value};
  return made;
}

function setRunning(controller) {
  running = controller;
  $('send').hidden = controller !== null;
  $('stop').hidden = controller === null;
}

function tell(usage, seconds, reason) {
  if (!usage) return;
  const rate = seconds > 0 ? (usage.completion_tokens / seconds).toFixed(1) : '?';
  status.textContent = `${usage.completion_tokens} tokens, ${rate} tokens/s; prompt ` +
      `${usage.prompt_tokens} tokens, ${usage.prompt_cache_hit_tokens} from the cache` +
      (reason === 'length' ? '; stopped at the limit of tokens' : '');
}

async function ask(text) {
  messages.push({role: 'user', content: text});
  show(article('user'), text);
  log.scrollTop = log.scrollHeight;
  const view = new ReplyView();
  const controller = new AbortController();
  setRunning(controller);
  status.textContent = 'Waiting for the model …';
  let usage = null, began = 0, reason = null;
  try {
    await streamChat(request(), controller.signal, chunk => {
      usage = chunk.usage ?? usage;
      const choice = chunk.choices[0];
      if (!choice) return;
      began ||= performance.now();
      status.textContent = '';
      reason = choice.finish_reason ?? reason;
      view.add(choice.delta);
    });
    tell(usage, (performance.now() - began) / 1000, reason);
  } catch (error) {
    status.textContent = '';
    if (controller.signal.aborted)
      status.textContent = 'Stopped.';
    else
      view.fail(error.message);
  }
  view.draw();
  setRunning(null);
  if (view.text) messages.push({role: 'assistant', content: view.text});
  else messages.pop();
  keep();
  question.focus();
}

// The conversation lives in this browser alone.
function keep() {
  try {
    sessionStorage.setItem('weir-messages', JSON.stringify(messages));
    for (const id of settings) localStorage.setItem('weir-' + id, $(id).value);
  } catch { /* storage is full or forbidden: the page works without it */ }
}

function restore() {
  try {
    for (const id of settings) $(id).value = localStorage.getItem('weir-' + id) ?? '';
    messages = JSON.parse(sessionStorage.getItem('weir-messages') ?? '[]');
  } catch { messages = []; }
  for (const message of messages) show(article(message.role), message.content);
  log.scrollTop = log.scrollHeight;
}

function clear() {
  running?.abort();
  messages = [];
  log.replaceChildren();
  status.textContent = '';
  keep();
  question.focus();
}

$('form').addEventListener('submit', event => {
  event.preventDefault();
  const text = question.value.trim();
  if (!text || running) return;
  question.value = '';
  ask(text);
});
question.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;  // an input method
  event.preventDefault();
  $('form').requestSubmit();
});
$('stop').addEventListener('click', () => running?.abort());
$('new').addEventListener('click', clear);
for (const id of settings) $(id).addEventListener('change', keep);

restore();
fetch('/props').then(response => response.json()).then(props => {
  $('model').textContent = props.model_alias;
  $('thinking-label').hidden = !props.has_thinking_switch;
  $('temperature').placeholder = props.default_generation_settings.params.temperature;
  document.title = props.model_alias + ' – weir';
}).catch(() => { status.textContent = 'The server does not answer.'; });
