// The list at the side: conversations with their search, and the ways to the other views. On a phone
// it is a drawer.
import {el, icon, iconButton, saveFile} from './dom.js';
import {search} from './store.js';
import {fileName, toJson, toMarkdown} from './transfer.js';
import {t} from './words.js';

export class Sidebar {
  // actions: {open(id), fresh(), rename(conversation, title), remove(conversation), hasRuns()}.
  constructor(actions) {
    this.actions = actions;
    this.field = el('input', {id: 'search', type: 'search', placeholder: t('Search'), 'aria-label': t('Search in conversations'),
      autocomplete: 'off', oninput: () => this.draw()});
    this.list = el('ul', {class: 'conversations', id: 'conversations'});
    this.none = el('p', {class: 'soft none', hidden: true});
    this.links = [
      el('a', {href: '#/runs', class: 'side-link', hidden: !actions.hasRuns()}, icon('chart'), t('Training runs')),
      el('a', {href: '#/server', class: 'side-link'}, icon('server'), t('Server')),
    ];
    this.element = el('nav', {class: 'side', id: 'side', 'aria-label': t('Conversations')},
      el('div', {class: 'side-head'}, el('span', {class: 'brand', text: 'weir'}),
        iconButton('close', t('Close the list'), () => this.close(), {class: 'icon-button side-close'})),
      el('button', {type: 'button', id: 'new', class: 'wide-button', onclick: () => actions.fresh()}, icon('plus'), t('New conversation')),
      el('div', {class: 'search'}, icon('search'), this.field),
      this.list, this.none, el('div', {class: 'side-foot'}, this.links));
    this.shade = el('div', {class: 'shade', onclick: () => this.close()});
    this.element.addEventListener('keydown', event => { if (event.key === 'Escape') this.close(); });
    this.draw();
  }

  open() {
    document.body.classList.add('menu-open');
    this.element.querySelector('button').focus();
  }

  close() {
    if (!document.body.classList.contains('menu-open')) return;
    document.body.classList.remove('menu-open');
    document.querySelector('.menu-button')?.focus();
  }

  // `current`: the place that is shown, as in the address.
  draw(current = this.current) {
    this.current = current;
    const found = search(this.field.value);
    this.list.replaceChildren(...found.map(one => this.entry(one, current === '#/chat/' + one.id)));
    this.none.hidden = found.length > 0;
    this.none.textContent = this.field.value ? t('Nothing found.') : t('No conversations yet.');
    for (const link of this.links) {
      if (current?.startsWith(link.getAttribute('href'))) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }

  entry(conversation, isCurrent) {
    const title = conversation.title || t('Without a title');
    const link = el('a', {href: '#/chat/' + conversation.id, text: title, title, 'aria-current': isCurrent ? 'page' : undefined});
    return el('li', {'data-id': conversation.id}, link,
      iconButton('more', t('More for {0}', title), event => this.menu(conversation, event.currentTarget), {'aria-haspopup': 'dialog', class: 'icon-button more'}));
  }

  // A small dialog with what can be done to one conversation.
  menu(conversation, button) {
    const dialog = el('dialog', {class: 'small', 'aria-labelledby': 'menu-title'});
    const run = action => () => { dialog.close(); action(); };
    const title = el('input', {id: 'title', value: conversation.title, maxlength: '300'});
    const item = (name, shape, action, more = {}) =>
      el('button', {type: 'button', class: 'item', onclick: run(action), ...more}, icon(shape), name);
    dialog.append(el('form', {method: 'dialog', onsubmit: () => this.actions.rename(conversation, title.value.trim())},
        el('h2', {id: 'menu-title', text: t('Conversation')}),
        el('label', {for: 'title', text: t('Title')}),
        el('div', {class: 'row'}, title, el('button', {class: 'primary', id: 'rename', text: t('Rename')}))),
      item(t('Save as Markdown'), 'save', () => saveFile(fileName(conversation, '.md'), toMarkdown(conversation), 'text/markdown'), {id: 'save-markdown'}),
      item(t('Save as JSON'), 'save', () => saveFile(fileName(conversation, '.json'), toJson([conversation]), 'application/json'), {id: 'save-json'}),
      item(t('Delete'), 'trash', () => this.remove(conversation), {class: 'item danger', id: 'delete'}),
      el('div', {class: 'dialog-buttons'}, el('button', {type: 'button', text: t('Close'), onclick: () => dialog.close()})));
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (button.isConnected) button.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  remove(conversation) {
    const dialog = el('dialog', {class: 'small', 'aria-labelledby': 'delete-title'},
      el('h2', {id: 'delete-title', text: t('Delete this conversation?')}),
      el('p', {text: conversation.title}),
      el('div', {class: 'dialog-buttons'},
        el('button', {type: 'button', text: t('Cancel'), onclick: () => dialog.close()}),
        el('button', {type: 'button', class: 'primary danger', id: 'really-delete', text: t('Delete'), onclick: () => {
          dialog.close();
          this.actions.remove(conversation);
        }})));
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}
