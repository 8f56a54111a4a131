// The body of a mail, shown without trusting it.
//
// It is parsed and never put into the page: what is shown is built anew, of elements and
// properties that can do nothing but show text.  So a mail loads nothing, runs nothing, and
// covers nothing of the page.

import { h } from './parts.js';

// Browsers that check what is given to a parser want it to be marked.  A parsed document that
// is in no window runs nothing.
const policy = globalThis.trustedTypes?.createPolicy('mail', { createHTML: (text) => text });

// The policy of the page goes for what it parses, too, and the console would tell of each style
// and handler that is not obeyed.  So these get other names before.
const tag = /<[a-z](?:"[^"]*"|'[^']*'|[^>"'])*>/gi;
const silent = (text) => text
  .replace(tag, (found) => found.replace(/([\s"'/])(style|on[a-z]+)(?=[\s=/>])/gi, '$1data-$2'))
  .replace(/(<\/?)style\b/gi, '$1template')
  .replace(/(<\/?)(base|link|meta)\b/gi, '$1x-$2');

function parse(text) {
  const markup = silent(text);
  return new DOMParser().parseFromString(policy ? policy.createHTML(markup) : markup, 'text/html');
}

const shown = new Set(['a', 'abbr', 'b', 'blockquote', 'br', 'center', 'code', 'del', 'div', 'em',
  'hr', 'i', 'ins', 'li', 'ol', 'p', 'pre', 's', 'small', 'span', 'strong', 'sub', 'sup', 'table',
  'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'u', 'ul']);
const hidden = new Set(['head', 'noscript', 'script', 'template', 'title']);
const properties = ['font-style', 'font-weight', 'text-align', 'text-decoration-line'];
const deepest = 60;

// Of the style of an element what changes its text, and nothing of where it is.
function styleOf(element) {
  const probe = document.createElement('span');
  probe.style.cssText = element.dataset?.style ?? '';
  return Object.fromEntries(
    properties.map((name) => [name, probe.style.getPropertyValue(name)])
      .filter(([, value]) => value),
  );
}

// A link where it leads to the web or to a mailbox; elsewhere its target stands behind it.
function link(element, children) {
  const target = element.getAttribute('href') ?? '';
  if (URL.canParse(target) && /^(https?|mailto):$/.test(new URL(target).protocol)) {
    return h('a', { href: target, target: '_blank', rel: 'noopener noreferrer nofollow',
      title: target }, children);
  }
  return h('span', null, children, target && ` (${target})`);
}

function build(node, depth) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.nodeType !== Node.ELEMENT_NODE) return null;
  const name = node.localName;
  if (hidden.has(name)) return null;
  if (depth > deepest) return node.textContent;
  if (name === 'img') return h('span', { class: 'image' }, `image ${node.alt || node.src}`);
  const children = [...node.childNodes].map((child) => build(child, depth + 1));
  if (name === 'a') return link(node, children);
  if (/^h[1-6]$/.test(name)) return h('p', null, h('strong', null, children));
  return h(shown.has(name) && name !== 'center' ? name : 'div', { style: styleOf(node) }, children);
}

export function Mail({ body }) {
  return h('div', { class: 'mail', tabIndex: 0, role: 'group', 'aria-label': 'Body of the mail' },
    [...parse(body).body.childNodes].map((node) => build(node, 0)));
}
