// Begins the page and holds it together: which view the address shows, which models there are, the
// keys that work everywhere.
import {ChatView} from './chat_view.js';
import {el, saveFile} from './dom.js';
import {need} from './libraries.js';
import {applyLook, look, looks, setLook} from './look.js';
import {RunsView} from './runs_view.js';
import {ServerView} from './server_view.js';
import {defaults, openSettings} from './settings.js';
import {Sidebar} from './sidebar.js';
import {conversation, conversations, forget, keep, openStore, remember, remembered} from './store.js';
import {readJson} from './stream.js';
import {fromJson, setLabel, toJson} from './transfer.js';
import {newId, newThread} from './tree.js';
import {language, languages, setLanguage, t} from './words.js';

const app = {
  models: [], contexts: {}, hasThinking: false, served: {}, hasRuns: false, view: null, sidebar: null,
  contextOf: model => app.contexts[model] ?? app.contexts[''],
  openMenu: () => app.sidebar.open(),
  openSettings: () => showSettings(),
  // An empty conversation is kept once there is something in it.
  async keep(one) {
    if (one.isGone) return;  // deleted while it was written
    if (one.columns.every(column => !Object.keys(column.nodes).length)) {
      remember('settings', one.settings);
      return remember('model', one.columns[0].model);
    }
    const isNew = !conversation(one.id);
    const kept = keep(one);
    remember('settings', one.settings);
    remember('model', one.columns[0].model);
    if (isNew && location.hash !== '#/chat/' + one.id) history.replaceState(null, '', '#/chat/' + one.id);
    if (app.view?.conversation === one) nameTab(one.title);
    app.sidebar.draw(location.hash);
    await kept;
  },
};

function nameTab(title) { document.title = title ? title + ' – weir' : 'weir'; }

function fresh() {
  const settings = {...defaults, ...remembered('settings', {})};
  const model = remembered('model', '');
  const now = Date.now();
  return {id: newId(), title: '', created: now, updated: now, settings,
          columns: [newThread(app.models.includes(model) ? model : app.models[0] ?? '')]};
}

function show(view) {
  app.view?.leave();
  app.view = view;
  document.getElementById('main').replaceChildren(view.element);
  document.body.classList.remove('menu-open');
}

function route() {
  const [, place, id] = location.hash.split('/');
  if (place === 'runs') show(new RunsView(app, id));
  else if (place === 'server') show(new ServerView(app));
  else show(new ChatView(app, (place === 'chat' && conversation(id)) || fresh()));
  app.sidebar.draw(location.hash);
  nameTab({runs: t('Training runs'), server: t('Server')}[place] ?? app.view.conversation.title);
  if (app.view instanceof ChatView && !matchMedia('(pointer: coarse)').matches) app.view.composer.area.focus();
}

function freshView() {
  if (location.hash === '' || location.hash === '#/') route();
  else location.hash = '#/';
}

const sidebarActions = {
  fresh: freshView,
  hasRuns: () => app.hasRuns,
  rename: (one, title) => { one.title = title || one.title; app.keep(one); },
  remove: async one => {
    one.isGone = true;
    await forget(one.id);
    if (app.view.conversation?.id === one.id) freshView();
    app.sidebar.draw();
    app.sidebar.field.focus();
  },
};

function mount() {
  document.documentElement.lang = language();
  document.body.replaceChildren(
    el('a', {class: 'skip', href: '#question', text: t('Skip to the message'), onclick: event => {
      event.preventDefault();
      document.getElementById('question')?.focus();
    }}),
    (app.sidebar = new Sidebar(sidebarActions)).element, app.sidebar.shade,
    el('main', {id: 'main'}),
    el('div', {id: 'announcement', class: 'hidden', role: 'status', 'aria-live': 'polite'}));
  route();
}

// What is not of one conversation: language, colors, files.
function pageSettings(dialog) {
  const choice = (id, label, values, chosen, onchange) => el('div', {class: 'field'}, el('label', {for: id, text: label}),
    el('select', {id, onchange: event => onchange(event.target.value)},
      values.map(([value, name]) => el('option', {value, text: name, selected: value === chosen}))));
  const lookNames = {auto: t('as the system'), light: t('light'), dark: t('dark')};
  const note = el('p', {class: 'soft', role: 'status', id: 'import-note'});
  const file = el('input', {id: 'import', type: 'file', accept: '.json,application/json', class: 'hidden', 'aria-label': t('File to import'),
    tabIndex: -1, onchange: async () => {
      try {
        const read = fromJson(await file.files[0].text());
        for (const one of read) await keep(one);
        note.textContent = t('{0} conversations were imported.', read.length);
        app.sidebar.draw();
      } catch (error) { note.textContent = error.message; }
      file.value = '';
    }});
  return [
    el('section', {}, el('h3', {text: t('Page')}), el('div', {class: 'fields'},
      choice('language', t('Language'), languages, language(), value => {
        setLanguage(value);
        dialog().close();
        mount();
      }),
      choice('look', t('Colors'), looks.map(name => [name, lookNames[name]]), look(), setLook))),
    el('section', {}, el('h3', {text: t('Conversations')}),
      el('p', {class: 'soft', text: t('They are kept in this browser alone; the server keeps none.')}),
      el('div', {class: 'row'},
        el('button', {type: 'button', id: 'export-all', text: t('Export all'), onclick: () => saveFile('weir-conversations.json', toJson(conversations()), 'application/json')}),
        el('button', {type: 'button', id: 'choose-import', text: t('Import'), onclick: () => file.click()}), file), note),
  ];
}

function showSettings() {
  const one = app.view.conversation;
  let dialog = null;
  dialog = openSettings(one.settings, app.served, (name, value) => {
    one.settings[name] = value;
    app.keep(one);
  }, pageSettings(() => dialog));
  dialog.addEventListener('close', () => {
    if (app.view.conversation !== one) return;
    if (!app.view.isRunning()) app.view.draw();
    document.getElementById('settings')?.focus();
  });
}

// The models, and what the server says of itself. A server that does not answer leaves them empty.
async function askServer() {
  const [models, props, state] = await Promise.allSettled([readJson('/v1/models'), readJson('/props'), readJson('/server/state')]);
  // Encoders write nothing.
  app.models = models.value?.data?.filter(model => model.capabilities?.includes('completion') ?? true).map(model => model.id) ?? [];
  for (const model of models.value?.data ?? []) if (model.meta?.n_ctx_train) app.contexts[model.id] = model.meta.n_ctx_train;
  app.contexts[''] = props.value?.default_generation_settings?.n_ctx;
  app.served = props.value?.default_generation_settings?.params ?? {};
  // Of several models (not names of one) only the first is asked: the others would have to be loaded.
  const areSeveral = new Set(models.value?.data?.map(model => model.meta?.size)).size > 1;
  app.hasThinking = areSeveral || (props.value?.has_thinking_switch ?? false);
  app.hasRuns = state.value?.has_runs ?? false;
  setLabel(state.value?.label ?? null);
}

document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && !document.querySelector('dialog[open]') && app.view?.isRunning()) app.view.stop();
  if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
    event.preventDefault();
    app.sidebar.open();
    app.sidebar.field.focus();
  }
});

applyLook();
await Promise.all([openStore(), askServer(), need('marked'), need('purify')]);
addEventListener('hashchange', route);
mount();
