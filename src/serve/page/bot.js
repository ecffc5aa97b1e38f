// The page of a bot: questions are answered from documents, each sentence with its source; thumbs land in a file
// of the server.
import {announce, el, iconButton} from './dom.js';
import {applyLook} from './look.js';
import {readJson} from './stream.js';
import {language, t} from './words.js';

const post = (path, body) => readJson(path, {
  method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
});

const place = source => [source.title || source.document.split('/').pop(), source.heading,
                         source.page ? t('page {0}', source.page) : ''].filter(Boolean).join(' · ');

function sourceView(source) {
  return el('div', {class: 'source'}, el('strong', {text: place(source)}), el('blockquote', {text: source.quote}));
}

// The sentences, each with a mark that shows where it comes from.
function answerView(answer) {
  const view = el('div', {class: answer.answered ? 'answered' : 'answered is-refused'});
  if (!answer.answered) {
    view.append(el('p', {text: answer.answer}));
    return view;
  }
  const text = el('p'), sources = el('div');
  const shown = new Map();
  answer.sentences.forEach((sentence, i) => {
    text.append(i ? ' ' : '', sentence.text);
    if (!sentence.source) return;
    const number = i + 1;
    const toggle = () => {
      const open = shown.get(number);
      if (open) open.remove();
      shown.set(number, open ? null : sourceView(sentence.source));
      if (!open) sources.append(shown.get(number));
      mark.setAttribute('aria-expanded', String(!open));
    };
    const mark = el('button', {type: 'button', class: 'mark', text: String(number), onclick: toggle,
                               title: `${place(sentence.source)}\n“${sentence.source.quote}”`,
                               'aria-label': t('Source {0}: {1}', number, place(sentence.source)), 'aria-expanded': 'false'});
    text.append(mark);
  });
  view.append(text, sources);
  return view;
}

function verdictView(bot, question, answer) {
  const row = el('div', {class: 'row verdict'});
  const send = async helpful => {
    try {
      await post(`/knowledge/${encodeURIComponent(bot.knowledge)}/feedback`,
                    {question, answer: answer.answer, helpful});
      row.replaceChildren(el('span', {class: 'soft', text: t('Thank you.')}));
      announce(t('Thank you.'));
    } catch (error) {
      row.append(el('span', {class: 'error', text: error.message}));
    }
  };
  row.append(iconButton('up', t('This helped'), () => send(true)), iconButton('down', t('This did not help'), () => send(false)));
  return row;
}

function start(bot) {
  document.title = bot.name;
  const thread = el('main', {id: 'thread', tabIndex: -1});
  const input = el('textarea', {id: 'question', rows: 1, placeholder: t('Ask something'), 'aria-label': t('Message')});
  const send = el('button', {class: 'primary', text: t('Send')});

  const ask = async question => {
    question = question.trim();
    if (!question || send.disabled) return;
    send.disabled = true;
    input.value = '';
    suggested.hidden = true;
    const waiting = el('p', {class: 'soft', text: t('Looking for an answer…')});
    thread.append(el('div', {class: 'asked'}, el('p', {text: question})), waiting);
    waiting.scrollIntoView();
    try {
      const answer = await post(`/knowledge/${encodeURIComponent(bot.knowledge)}/ask`, {question});
      waiting.replaceWith(answerView(answer), verdictView(bot, question, answer));
      announce(answer.answer);
    } catch (error) {
      waiting.replaceWith(el('p', {class: 'error', text: error.message}));
    }
    send.disabled = false;
    thread.lastElementChild.scrollIntoView({block: 'end'});
    input.focus();
  };

  const suggested = el('div', {class: 'suggested'},
    bot.suggested.map(question => el('button', {type: 'button', text: question, onclick: () => ask(question)})));
  // Enter sends, unless an input method is composing.
  input.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    ask(input.value);
  });
  thread.append(el('p', {text: bot.welcome || t('Ask me about our documents. Every answer shows where it comes from.')}), suggested);
  document.body.replaceChildren(
    el('div', {class: 'bot'},
      el('header', {}, el('h1', {text: bot.name})), thread,
      el('form', {onsubmit: event => { event.preventDefault(); ask(input.value); }}, input, send)),
    el('div', {id: 'announcement', class: 'hidden', 'aria-live': 'polite'}));
  input.focus();
}

document.documentElement.lang = language();
applyLook();
readJson('/bot.json').then(start, error => document.body.replaceChildren(el('p', {class: 'error', text: error.message})));
