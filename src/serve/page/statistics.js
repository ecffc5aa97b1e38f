// The line of numbers below a reply.
import {el} from './dom.js';
import {number, t} from './words.js';

// Tokens per second from the first token to the last.
export function rate(node) {
  const tokens = (node.usage?.completion_tokens ?? 0) - 1;
  return tokens > 0 && node.seconds > 0 ? tokens / node.seconds : null;
}

// `context`: how many tokens the model's context holds, where that is known.
export function statistics(node, context) {
  const parts = [];
  const usage = node.usage;
  if (node.reason === 'stopped') parts.push([t('stopped'), t('You stopped this reply')]);
  if (node.reason === 'length') parts.push([t('cut off'), t('The reply reached the limit of tokens')]);
  if (usage) {
    parts.push([t('{0} tokens', number(usage.completion_tokens)), t('Tokens of the reply, thinking included')]);
    if (rate(node)) parts.push([t('{0} tokens/s', rate(node).toFixed(1)), t('From the first token to the last')]);
    const used = usage.prompt_tokens + usage.completion_tokens;
    if (context) parts.push([t('context {0} %', Math.max(1, Math.round(100 * used / context))),
                             t('{0} of {1} tokens', number(used), number(context))]);
    parts.push([t('{0} cached', number(usage.prompt_cache_hit_tokens ?? 0)),
                t('Of {0} tokens of the prompt, those found in the cache', number(usage.prompt_tokens))]);
  }
  return el('span', {class: 'numbers'}, parts.map(([text, title]) => el('span', {text, title})));
}
