// A conversation with one model as a tree: editing a question or making a reply again adds a sibling,
// and what is chosen among siblings makes the path that is shown and sent.
//
// A thread is plain data: {model, nodes: {id: node}, chosen: {parent: child}}; '' is the root's id.
// A node: {id, parent, role: 'user' | 'assistant' | 'tool', content, and of replies: thinking, calls,
// usage, seconds, thinkingSeconds, reason, error, model, withheld (what the guard did not show), withheldBy (its action); of tools: call}.

export function newThread(model = '') { return {model, nodes: {}, chosen: {}}; }

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

// In the order in which they were made.
export function children(thread, parent) {
  return Object.values(thread.nodes).filter(node => node.parent === parent);
}

export function add(thread, parent, fields) {
  const node = {id: newId(), parent, created: Date.now(), content: '', ...fields};
  thread.nodes[node.id] = node;
  thread.chosen[parent] = node.id;
  return node;
}

// From the first question to the newest reply that is chosen.
export function path(thread) {
  const list = [];
  for (let id = ''; ;) {
    const options = children(thread, id);
    if (!options.length) return list;
    const node = options.find(option => option.id === thread.chosen[id]) ?? options.at(-1);
    list.push(node);
    id = node.id;
  }
}

export function leaf(thread) { return path(thread).at(-1)?.id ?? ''; }

// The place of a node among its siblings: {index, count}.
export function place(thread, node) {
  const siblings = children(thread, node.parent);
  return {index: siblings.findIndex(other => other.id === node.id), count: siblings.length};
}

// Chooses the sibling `step` places away, if there is one.
export function step(thread, node, step) {
  const siblings = children(thread, node.parent);
  const other = siblings[siblings.findIndex(one => one.id === node.id) + step];
  if (other) thread.chosen[node.parent] = other.id;
  return other ?? null;
}

// What the server is sent: the path up to and with `last`. Replies that failed before their first word
// are left out.
export function messages(thread, system, last) {
  const list = system.trim() ? [{role: 'system', content: system}] : [];
  for (const node of path(thread)) {
    if (node.role === 'tool') {
      list.push({role: 'tool', tool_call_id: node.call, content: node.content});
    } else if (node.role === 'user') {
      list.push({role: 'user', content: node.content});
    } else if (node.content || node.calls?.length) {
      const message = {role: 'assistant', content: node.content};
      if (node.calls?.length) message.tool_calls = node.calls;
      list.push(message);
    }
    if (node.id === last) break;
  }
  return list;
}

// Another thread with the same path alone, for another model.
export function copyOfPath(thread, model) {
  const copy = newThread(model);
  let parent = '';
  for (const node of path(thread)) {
    const made = add(copy, parent, {...node, id: newId(), parent});
    parent = made.id;
  }
  return copy;
}
