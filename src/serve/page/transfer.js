// Conversations as files: JSON, which can be read back, and Markdown for people. Reading trusts
// nothing: every field is checked and copied, unknown ones are dropped, and texts stay texts.
import {defaults} from './settings.js';
import {newId, path} from './tree.js';
import {t, withheldNote} from './words.js';

const format = 'weir-conversations', version = 1;
const bytesMax = 64 << 20, nodesMax = 20000, columnsMax = 3, conversationsMax = 5000;

// What the server's guard wants in files of generated content (GB 45438-2025): the metadata 'AIGC'
// and a text that people see, at the end or at the beginning. null: nothing.
let label = null;
export function setLabel(wanted) { label = wanted; }

// Each file is a content of its own.
function metadata() { return label?.AIGC ? {AIGC: {...label.AIGC, ProduceID: newId()}} : {}; }

export function toJson(conversations) {
  return JSON.stringify({format, version, ...metadata(), conversations}, null, 1);
}

// The front matter and the visible text stand where `weir guard label` writes them.
function labelled(markdown) {
  const {AIGC} = metadata();
  const front = AIGC ? `---\nAIGC: ${JSON.stringify(AIGC)}\n---\n\n` : '';
  if (!label?.visible) return front + markdown;
  return front + (label.at_end ? markdown + '\n' + label.visible + '\n' : label.visible + '\n\n' + markdown);
}

export function toMarkdown(conversation) {
  const parts = ['# ' + conversation.title];
  if (conversation.settings.system) parts.push('> ' + conversation.settings.system.replaceAll('\n', '\n> '));
  for (const column of conversation.columns) {
    if (conversation.columns.length > 1) parts.push('---\n\n# ' + column.model);
    for (const node of path(column)) {
      const who = {user: t('You'), assistant: node.model || t('Model'), tool: t('Result of the tool')}[node.role];
      parts.push('## ' + who);
      if (node.thinking) parts.push(`<details><summary>${t('Thoughts')}</summary>\n\n${node.thinking}\n\n</details>`);
      if (node.content) parts.push(node.content);
      for (const call of node.calls ?? [])
        parts.push('```json\n' + JSON.stringify({name: call.function.name, arguments: call.function.arguments}) + '\n```');
      if (node.withheld) parts.push('*' + withheldNote(node) + '*');
    }
  }
  return labelled(parts.join('\n\n') + '\n');
}

export function fileName(conversation, ending) {
  const name = conversation.title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 60);
  return (name || 'conversation') + ending;
}

class Wrong extends Error {}

function check(holds, what) { if (!holds) throw new Wrong(t('This is no file of conversations: {0}', what)); }

function text(value, what, otherwise) {
  if (value === undefined || value === null) {
    check(otherwise !== undefined, what);
    return otherwise;
  }
  check(typeof value === 'string', what);
  return value;
}

function amount(value) { return typeof value === 'number' && Number.isFinite(value) ? value : undefined; }

function isObject(value) { return typeof value === 'object' && value !== null && !Array.isArray(value); }

function readCall(value) {
  check(isObject(value) && isObject(value.function), 'calls');
  return {id: text(value.id, 'calls.id'), type: 'function',
          function: {name: text(value.function.name, 'calls.name'), arguments: text(value.function.arguments, 'calls.arguments')}};
}

function readUsage(value) {
  const usage = {};
  for (const name of ['prompt_tokens', 'completion_tokens', 'prompt_cache_hit_tokens'])
    usage[name] = amount(value[name]) ?? 0;
  return usage;
}

function readNode(value, id) {
  check(isObject(value) && ['user', 'assistant', 'tool'].includes(value.role), 'role');
  const node = {id, parent: text(value.parent, 'parent'), role: value.role, content: text(value.content, 'content'),
                created: amount(value.created) ?? Date.now()};
  for (const name of ['thinking', 'reason', 'error', 'model', 'call', 'withheld', 'withheldBy'])
    if (value[name] !== undefined && value[name] !== null) node[name] = text(value[name], name);
  for (const name of ['seconds', 'thinkingSeconds'])
    if (amount(value[name]) !== undefined) node[name] = value[name];
  if (isObject(value.usage)) node.usage = readUsage(value.usage);
  if (Array.isArray(value.calls)) node.calls = value.calls.map(readCall);
  return node;
}

// Every node must hang below the root: what does not, or goes in a circle, is refused.
function readThread(value) {
  check(isObject(value) && isObject(value.nodes), 'columns');
  const entries = Object.entries(value.nodes);
  check(entries.length <= nodesMax, t('too many messages'));
  const nodes = Object.create(null);
  for (const [id, node] of entries) {
    check(/^[0-9A-Za-z-]{1,64}$/.test(id), 'id');
    nodes[id] = readNode(node, id);
  }
  const isRooted = new Set(['']);
  for (const start of Object.values(nodes)) {
    const seen = [];
    for (let id = start.id; !isRooted.has(id); id = nodes[id].parent) {
      check(nodes[id] && !seen.includes(id), 'parent');
      seen.push(id);
      check(seen.length < 5000, 'parent');
    }
    for (const id of seen) isRooted.add(id);
  }
  const chosen = {};
  for (const [parent, child] of Object.entries(isObject(value.chosen) ? value.chosen : {}))
    if (nodes[child]?.parent === parent) chosen[parent] = child;
  return {model: text(value.model, 'model', ''), nodes: {...nodes}, chosen};
}

function readSettings(value) {
  const settings = {};
  for (const [name, standard] of Object.entries(defaults))
    settings[name] = isObject(value) && typeof value[name] === 'string' ? value[name] : standard;
  return settings;
}

function readConversation(value) {
  check(isObject(value) && Array.isArray(value.columns), 'columns');
  check(value.columns.length >= 1 && value.columns.length <= columnsMax, 'columns');
  return {id: newId(), title: text(value.title, 'title').slice(0, 300), created: amount(value.created) ?? Date.now(),
          updated: amount(value.updated) ?? Date.now(), settings: readSettings(value.settings),
          columns: value.columns.map(readThread)};
}

// The conversations of a file, with new ids, so that none that is here is replaced. Throws a sentence.
export function fromJson(content) {
  check(content.length <= bytesMax, t('it is too large'));
  let value;
  try {
    value = JSON.parse(content);
  } catch { check(false, t('it is not JSON')); }
  check(isObject(value) && value.format === format, 'format');
  check(value.version === version, t('its version is {0}', String(value.version)));
  check(Array.isArray(value.conversations) && value.conversations.length <= conversationsMax, 'conversations');
  return value.conversations.map(readConversation);
}
