// Speaks to this server, with the key of this tab where the server wants one.
import {askForKey, key} from './key.js';
import {t} from './words.js';

export class ServerError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

// fetch() of this server; asks for a key until it is right or the person gives up.
export async function call(path, options = {}) {
  for (let attempt = 0; ; ++attempt) {
    const headers = {...options.headers};
    const sent = key();
    if (sent) headers.Authorization = 'Bearer ' + sent;
    let response;
    try {
      response = await fetch(path, {...options, headers});
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ServerError(t('The server does not answer.'));
    }
    if (response.status === 401 && await askForKey(sent)) continue;
    if (!response.ok) throw new ServerError(await messageOf(response), response.status);
    return response;
  }
}

async function messageOf(response) {
  const body = await response.json().catch(() => null);
  return body?.error?.message ?? t('The server answered {0}.', response.status);
}

export async function readJson(path, options) { return (await call(path, options)).json(); }

// Reads a streamed chat completion: calls take(chunk) for every event, in order.
export async function streamChat(request, signal, take) {
  const response = await call('/v1/chat/completions', {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({...request, stream: true, stream_options: {include_usage: true}}),
    signal,
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const {done, value} = await reader.read().catch(error => {
      if (signal.aborted) throw error;
      return {done: true};
    });
    if (done) throw new ServerError(t('The reply was cut off: the connection ended.'));
    text += value;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const line = text.slice(0, end);
      if (!line.startsWith('data: ')) continue;  // a comment that keeps the connection
      const data = line.slice(6);
      if (data === '[DONE]') return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ServerError(chunk.error.message);
      take(chunk);
    }
  }
}
