// Lets the server make a reply and fills its node as the parts come.
import {requestSettings} from './settings.js';
import {streamChat} from './stream.js';
import {messages} from './tree.js';
import {language} from './words.js';

const drawMs = 60;  // between two drawings of a reply that grows

// The parts of a call of a tool come one by one.
function addCalls(node, parts) {
  node.calls ??= [];
  for (const part of parts) {
    const call = node.calls[part.index ?? 0] ??= {id: '', type: 'function', function: {name: '', arguments: ''}};
    call.id ||= part.id ?? '';
    call.function.name += part.function?.name ?? '';
    call.function.arguments += part.function?.arguments ?? '';
  }
}

// Ends when the reply has ended, whatever the reason is; errors are in the node.
export async function runReply(thread, node, settings, signal, draw) {
  let first = 0;  // when the first part came
  let timer = 0;
  const drawSoon = () => {
    timer ||= setTimeout(() => {
      timer = 0;
      requestAnimationFrame(draw);
    }, drawMs);
  };
  try {
    const request = {messages: messages(thread, settings.system ?? '', node.parent), ...requestSettings(settings)};
    if (thread.model) request.model = thread.model;
    await streamChat(request, signal, chunk => {
      node.usage = chunk.usage ?? node.usage;
      const choice = chunk.choices?.[0];
      if (!choice) return;
      const {reasoning_content: thought, content, tool_calls: calls} = choice.delta ?? {};
      if (!first && (thought || content || calls)) first = performance.now();
      if (thought) {
        node.thinking = (node.thinking ?? '') + thought;
        node.thinkingSeconds = (performance.now() - first) / 1000;
      }
      if (content) node.content += content;
      if (calls) addCalls(node, calls);
      node.reason = choice.finish_reason ?? node.reason;
      if (choice.guard) {
        const {name, name_zh: chinese, category, action} = choice.guard;
        node.withheld = (language() === 'zh' && chinese) || name || category || action;
        node.withheldBy = action;
      }
      node.seconds = first ? (performance.now() - first) / 1000 : 0;
      drawSoon();
    });
  } catch (error) {
    if (signal.aborted) node.reason = 'stopped';
    else node.error = error.message;
  }
  clearTimeout(timer);
}
