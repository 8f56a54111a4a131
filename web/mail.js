// The body of a mail, shown without trusting it.
//
// It is parsed and never put into the page: what is shown is built anew, of elements and
// properties that can do nothing but show text.  So a mail loads nothing, runs nothing, and
// covers nothing of the page.

import { h } from './parts.js';

// Browsers that check what is given to a parser want it to be marked.  A parsed document that
// is in no window runs nothing.
const policy = globalThis.trustedTypes?.createPolicy('mail', { createHTML: (text) => text });
const parse = (text) =>
  new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, 'text/html');

const shown = new Set(['a', 'abbr', 'b', 'blockquote', 'br', 'center', 'code', 'del', 'div', 'em',
  'hr', 'i', 'ins', 'li', 'ol', 'p', 'pre', 's', 'small', 'span', 'strong', 'sub', 'sup', 'table',
  'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'u', 'ul']);
const hidden = new Set(['head', 'link', 'meta', 'noscript', 'script', 'style', 'template',
  'title']);
const properties = ['font-style', 'font-weight', 'text-align', 'text-decoration-line'];
const deepest = 60;

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
  const style = Object.fromEntries(
    properties.map((property) => [property, node.style?.getPropertyValue(property)])
      .filter(([, value]) => value),
  );
  return h(shown.has(name) && name !== 'center' ? name : 'div', { style }, children);
}

export function Mail({ body }) {
  return h('div', { class: 'mail', tabIndex: 0, role: 'group', 'aria-label': 'Body of the mail' },
    [...parse(body).body.childNodes].map((node) => build(node, 0)));
}
