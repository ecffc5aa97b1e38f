// The state of the server: what runs and waits, how fast, memory, and the errors of late.
import {Chart} from './chart.js';
import {el, iconButton} from './dom.js';
import {call, readJson} from './stream.js';
import {duration, number, t, when} from './words.js';

const everyMs = 2000, secondsShown = 180;

// Prometheus' text: {name: sum over labels}.
export function readMetrics(text) {
  const values = {};
  for (const line of text.split('\n')) {
    const match = line.match(/^(?!#)([a-zA-Z_:][\w:]*)(?:\{.*\})? (\S+)/);
    if (match) values[match[1]] = (values[match[1]] ?? 0) + Number(match[2]);
  }
  return values;
}

function bytes(value) {
  if (!(value > 0)) return '?';
  return value >= 2 ** 30 ? (value / 2 ** 30).toFixed(2) + ' GiB' : (value / 2 ** 20).toFixed(0) + ' MiB';
}

export class ServerView {
  constructor(app) {
    this.app = app;
    this.controller = new AbortController();
    this.history = [];  // [seconds, tokens/s]
    this.chart = new Chart(t('Tokens per second, the last three minutes'), {xName: t('second'), width: 760});
    this.tiles = el('dl', {class: 'tiles'});
    this.errors = el('div');
    this.note = el('p', {class: 'error', hidden: true});
    this.element = el('div', {class: 'view'},
      el('header', {class: 'bar'}, iconButton('menu', t('Conversations'), () => app.openMenu(), {class: 'icon-button menu-button'}),
        el('h1', {class: 'bar-title', text: t('Server')})),
      el('div', {class: 'page-body'}, this.note, this.tiles, el('div', {class: 'grid one'}, this.chart.element),
        el('h2', {text: t('Models')}), el('ul', {class: 'plain'}, app.models.map(name => el('li', {text: name}))),
        el('h2', {text: t('Recent errors')}), this.errors));
    this.update();
  }

  async update() {
    const signal = this.controller.signal;
    try {
      const [state, text] = await Promise.all([readJson('/server/state', {signal}), call('/metrics', {signal}).then(reply => reply.text())]);
      this.draw(state, readMetrics(text), performance.now() / 1000);
      this.note.hidden = true;
    } catch (error) {
      if (signal.aborted) return;
      this.note.textContent = error.message;
      this.note.hidden = false;
    }
    if (!signal.aborted) this.timer = setTimeout(() => this.update(), everyMs);
  }

  tile(name, value, detail = '') {
    return el('div', {class: 'card tile'}, el('dt', {text: name}), el('dd', {text: value}), el('dd', {class: 'soft', text: detail}));
  }

  draw(state, metrics, now) {
    const before = this.last ?? {metrics, now};
    const perSecond = name => now > before.now ? Math.max(0, (metrics[name] - before.metrics[name]) / (now - before.now)) : 0;
    const speed = perSecond('weir_tokens_total'), reading = perSecond('weir_prompt_tokens_total');
    if (now > before.now) this.history.push([now, speed]);
    this.last = {metrics, now};
    this.history = this.history.filter(([time]) => now - time < secondsShown);
    const prompts = metrics.weir_prompt_tokens_total + metrics.weir_prompt_tokens_cached_total;
    const hits = prompts > 0 ? Math.round(100 * metrics.weir_prompt_tokens_cached_total / prompts) : 0;
    this.tiles.replaceChildren(
      this.tile(t('Replies'), number(metrics.weir_sequences), t('run or wait, of {0} at most', number(metrics.weir_sequences_max))),
      this.tile(t('Writing'), t('{0} tokens/s', speed.toFixed(1)), t('{0} in all', number(metrics.weir_tokens_total))),
      this.tile(t('Reading prompts'), t('{0} tokens/s', reading.toFixed(1)), t('{0} in all', number(metrics.weir_prompt_tokens_total))),
      this.tile(t('Cache hits'), hits + ' %', t('{0} tokens of prompts', number(metrics.weir_prompt_tokens_cached_total))),
      this.tile(t('Memory'), bytes(state.memory_own), t('{0} with mapped files, {1} free', bytes(state.memory_resident), bytes(state.memory_available))),
      this.tile(t('Up for'), duration(state.now - state.started), t('since {0}', when(state.started * 1000))));
    if (this.history.length > 1) this.chart.draw(this.history.map(([time, value]) => [time - now, value]));
    this.chart.element.hidden = this.history.length < 2;
    this.drawErrors(state.errors);
  }

  drawErrors(errors) {
    const newest = errors[0] ? errors[0].time + errors[0].line : '';
    if (this.newest === newest) return;
    this.newest = newest;
    this.errors.replaceChildren(errors.length ?
      el('div', {class: 'wide', tabIndex: 0}, el('table', {}, el('thead', {}, el('tr', {},
        el('th', {scope: 'col', text: t('Time')}), el('th', {scope: 'col', text: t('Request')}))),
        el('tbody', {}, errors.map(error => el('tr', {}, el('td', {text: when(error.time * 1000)}), el('td', {text: error.line})))))) :
      el('p', {class: 'soft', text: t('None.')}));
  }

  stop() {}
  isRunning() { return false; }
  leave() {
    clearTimeout(this.timer);
    this.controller.abort();
  }
}
