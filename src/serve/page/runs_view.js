// Runs of training: a list with what goes on, and for one of them its curves, which grow while it
// trains, its report and its samples.
import {Chart, short} from './chart.js';
import {el, iconButton, saveFile} from './dom.js';
import {key} from './key.js';
import {MarkdownView} from './markdown.js';
import {curves, RunMetrics} from './run_metrics.js';
import {call, readJson} from './stream.js';
import {when, t} from './words.js';

const listMs = 5000, liveMs = 2000;

export class RunsView {
  constructor(app, id) {
    Object.assign(this, {app, id, tab: 'curves'});
    this.controller = new AbortController();
    this.body = el('div', {class: 'page-body'});
    this.element = el('div', {class: 'view'},
      el('header', {class: 'bar'}, iconButton('menu', t('Conversations'), () => app.openMenu(), {class: 'icon-button menu-button'}),
        el('h1', {class: 'bar-title', text: t('Training runs')})), this.body);
    this.update();
  }

  async update() {
    try {
      const {runs} = await readJson('/server/runs', {signal: this.controller.signal});
      if (this.id) await this.drawOne(runs.find(run => run.id === this.id));
      else this.drawList(runs);
    } catch (error) {
      if (this.controller.signal.aborted) return;
      this.tell(error.message);
    }
    if (!this.controller.signal.aborted)
      this.timer = setTimeout(() => this.update(), this.id && this.isLive ? liveMs : listMs);
  }

  tell(text) {
    this.body.replaceChildren(el('p', {class: 'soft', text}));
    this.shown = this.drawn = null;
  }

  drawList(runs) {
    const text = JSON.stringify(runs), focused = document.activeElement?.getAttribute('href');
    if (this.drawn === text) return;
    if (!runs.length) this.tell(t('There are no runs in the folders that the server was given with --runs.'));
    this.drawn = text;
    if (!runs.length) return;
    this.body.replaceChildren(el('ul', {class: 'cards'}, runs.map(run => el('li', {}, el('a', {class: 'card run', href: '#/runs/' + run.id},
      el('span', {class: 'run-name', text: run.name}),
      el('span', {class: run.is_running ? 'live' : 'soft', text: run.is_running ? t('in progress') : when(run.changed * 1000)}),
      el('span', {class: 'run-numbers'}, this.numbers(run.last)))))));
    if (focused) this.body.querySelector(`[href="${focused}"]`)?.focus();
  }

  numbers(last) {
    const shown = [['step', t('step')], ['loss', t('Loss')], ['reward', t('Reward')], ['accuracy', t('Accuracy')]];
    return shown.filter(([name]) => Number.isFinite(last?.[name])).map(([name, label]) =>
      el('span', {}, el('span', {class: 'soft', text: label + ' '}), short(last[name])));
  }

  async drawOne(run) {
    if (!run) return this.tell(t('This run is gone.'));
    this.isLive = run.is_running;
    const state = run.is_running ? t('in progress') : when(run.changed * 1000);
    if (this.shown !== run.id) {
      this.shown = run.id;
      this.metrics = new RunMetrics(run.id);
      this.charts = new Map();
      this.state = el('span');
      this.tabs = el('div', {class: 'tabs', role: 'group', 'aria-label': t('Parts of the run')});
      this.pane = el('div', {class: 'pane'});
      this.body.replaceChildren(el('p', {}, el('a', {href: '#/runs', text: '← ' + t('All runs')})),
        el('div', {class: 'run-head'}, el('h2', {text: run.name}), this.state), this.tabs, this.pane);
      this.open(run, this.tab);
    }
    this.state.className = run.is_running ? 'live' : 'soft';
    this.state.textContent = state;
    if (this.tab === 'curves') await this.drawCurves();
  }

  open(run, tab) {
    this.tab = tab;
    this.charts.clear();
    const names = {curves: t('Curves'), report: run.has_report ? t('Report') : '', samples: run.has_samples ? t('Samples') : ''};
    this.tabs.replaceChildren(...Object.entries(names).filter(([, label]) => label).map(([name, label]) =>
      el('button', {type: 'button', text: label, 'aria-pressed': String(name === tab), onclick: () => {
        this.open(run, name);
        this.tabs.querySelector('[aria-pressed=true]').focus();
      }})));
    this.pane.replaceChildren();
    const draw = {curves: () => this.drawCurves(), report: () => this.drawReport(run), samples: () => this.drawSamples(run)}[tab];
    Promise.resolve(draw()).catch(error => {
      if (!this.controller.signal.aborted) this.pane.replaceChildren(el('p', {class: 'error', text: error.message}));
    });
  }

  async drawCurves() {
    await this.metrics.update(this.controller.signal);
    if (this.tab !== 'curves') return;
    if (!this.charts.size) this.pane.replaceChildren(el('div', {class: 'grid'}));
    curves.forEach(([name, label], i) => {
      const points = this.metrics.series.get(name);
      if (!points || (points.length < 2 && points[0]?.[1] === 0)) return;
      if (!this.charts.has(name)) {
        const chart = new Chart(label(), {color: i});
        this.charts.set(name, chart);
        this.pane.firstElementChild.append(chart.element);
      }
      this.charts.get(name).draw(points);
    });
    if (!this.charts.size) this.pane.replaceChildren(el('p', {class: 'soft', text: t('No step was logged yet.')}));
  }

  // A frame cannot send a key, so where one is needed the report is saved instead.
  drawReport(run) {
    const address = '/server/reports/' + run.id;
    const save = el('button', {type: 'button', text: t('Save the report'), onclick: async () =>
      saveFile(run.name.replace(/[^\p{L}\p{N}]+/gu, '-') + '.html', await (await call(address)).text(), 'text/html')});
    this.pane.replaceChildren(el('p', {}, save));
    if (!key()) this.pane.append(el('iframe', {src: address, class: 'report', title: t('Report of {0}', run.name), sandbox: 'allow-scripts'}));
  }

  async drawSamples(run) {
    const text = await (await call('/server/samples/' + run.id, {signal: this.controller.signal})).text();
    const list = el('ol', {class: 'samples'});
    for (const line of text.split('\n').filter(Boolean).slice(0, 40)) {
      let sample;
      try {
        sample = JSON.parse(line);
      } catch { continue; }
      const item = el('li', {class: 'card'});
      for (const message of Array.isArray(sample?.messages) ? sample.messages : []) {
        const place = el('div');
        item.append(el('p', {class: 'soft', text: message.role === 'assistant' ? t('Model') : t('Question')}), place);
        new MarkdownView(place).set([message.reasoning_content, message.content].filter(part => typeof part === 'string').join('\n\n'), true);
      }
      if (typeof sample?.right === 'boolean') item.append(el('p', {class: sample.right ? 'good' : 'error', text: sample.right ? t('right') : t('wrong')}));
      list.append(item);
    }
    this.pane.replaceChildren(list);
  }

  isRunning() { return false; }
  stop() {}
  leave() {
    clearTimeout(this.timer);
    this.controller.abort();
  }
}
