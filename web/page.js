// The page: who is signed in, where in it one is, and the views, each loaded when it is needed.
//
// A place in the page is what stands behind the "#": #/campaigns/camp_.../leads?status=active.

import { render } from './vendor/preact.mjs';
import { isSignedIn, onRefused, signIn, signOut } from './api.js';
import { Loading, Notice, announce, html, place, useEffect, useRef, useState } from './parts.js';

const views = {
  campaigns: ['Campaigns', (one) =>
    one ? import('./view/campaign.js') : import('./view/campaigns.js')],
  import: ['Import', () => import('./view/import.js')],
  replies: ['Replies', () => import('./view/replies.js')],
  suppression: ['Suppression list', () => import('./view/suppression.js')],
  senders: ['Senders', () => import('./view/senders.js')],
  webhooks: ['Webhooks', () => import('./view/webhooks.js')],
};

function readPlace() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  let segments;
  try {
    segments = path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    segments = [];
  }
  return {
    path: segments.length > 0 ? segments : ['campaigns'],
    parameters: Object.fromEntries(new URLSearchParams(query)),
  };
}

function SignIn({ why, enter }) {
  const [problem, setProblem] = useState(why);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const key = event.target.elements.key.value.trim();
    setBusy(true);
    try {
      await signIn(key);
      enter();
    } catch (error) {
      setProblem(
        error.status === 401
          ? 'This key is not taken: it is unknown, malformed or revoked.'
          : `That did not work: ${error.message}.`,
      );
      setBusy(false);
    }
  };
  return html`<main class="sign-in" id="main">
    <form onSubmit=${submit}>
      <img src="icon.svg" alt="" width="40" height="40" />
      <h1>Sign in to leadterra</h1>
      <p class="muted">This tab keeps the key until it is closed. No other tab has it.</p>
      ${problem && html`<${Notice} kind="bad"><p id="problem">${problem}</p><//>`}
      <label for="key">API key</label>
      <input id="key" name="key" type="password" autocomplete="off" spellcheck="false" required
        placeholder="sk_live_…" aria-describedby=${problem ? 'problem' : null} />
      <button class="button first" disabled=${busy}>Sign in</button>
    </form>
  </main>`;
}

function Navigation({ at, leave }) {
  return html`<header class="side">
    <a class="brand" href="#/campaigns"><img src="icon.svg" alt="" width="24" height="24" />
      leadterra</a>
    <nav aria-label="Views"><ul>${Object.entries(views).map(([name, [title]]) =>
      html`<li><a href=${place([name])} aria-current=${at === name ? 'page' : null}>${title}</a>
      </li>`)}</ul></nav>
    <button type="button" class="button plain" onClick=${leave}>Sign out</button>
  </header>`;
}

function View({ at }) {
  const [name, one] = at.path;
  const known = views[name];
  const [loaded, setLoaded] = useState(null);
  const main = useRef();
  const where = at.path.join('/');
  // A view of something is another than the list of it.
  const wanted = `${name}/${one === undefined ? '' : 'one'}`;
  useEffect(() => {
    let left = false;
    known?.[1](one).then(
      (module) => left || setLoaded({ wanted, Shown: module.default }),
      () => left || announce('This part of the page could not be loaded.', 'failed'),
    );
    return () => { left = true; };
  }, [wanted]);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${known?.[0] ?? 'Not found'} · leadterra`;
    // Who moves on by keyboard begins at the top of what is new.
    if (!first.current) main.current.focus({ preventScroll: true });
    first.current = false;
    scrollTo(0, 0);
  }, [where]);
  return html`<main id="main" tabindex="-1" ref=${main}>
    ${known === undefined
      ? html`<h1>There is nothing here</h1><p><a href="#/campaigns">To the campaigns</a></p>`
      : loaded?.wanted !== wanted
        ? html`<${Loading} />`
        : html`<${loaded.Shown} key=${one ?? name} path=${at.path} parameters=${at.parameters} />`}
  </main>`;
}

function Page() {
  const [signedIn, setSignedIn] = useState(isSignedIn());
  const [why, setWhy] = useState('');
  const [at, setAt] = useState(readPlace());
  useEffect(() => {
    const move = () => setAt(readPlace());
    addEventListener('hashchange', move);
    return () => removeEventListener('hashchange', move);
  }, []);
  const leave = (reason = '') => {
    signOut();
    setWhy(reason);
    setSignedIn(false);
  };
  onRefused(() => leave('The key is not taken any more: it may have been revoked.'));
  if (!signedIn) return html`<${SignIn} why=${why} enter=${() => setSignedIn(true)} />`;
  return html`
    <button type="button" class="skip"
      onClick=${() => document.getElementById('main').focus()}>Skip to the content</button>
    <div class="frame">
      <${Navigation} at=${at.path[0]} leave=${() => { leave(); location.hash = ''; }} />
      <${View} at=${at} />
    </div>`;
}

const root = document.getElementById('page');
root.replaceChildren();
render(html`<${Page} />`, root);
