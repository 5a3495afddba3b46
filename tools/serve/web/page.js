'use strict';
const $ = id => document.getElementById(id);
const facts = JSON.parse(document.body.dataset.facts);
const LIMIT = 10e6, AT_ONCE = 4, TRIES = 20;
let token = '', shown = 0, photoUrl = '', batch = null, latest = null;

// An element with text and children.
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}
const percent = p => (100 * p).toFixed(1) + ' %';
const pause = ms => new Promise(done => setTimeout(done, ms));

function say(text, bad) {
  $('status').textContent = text;
  $('status').classList.toggle('bad', Boolean(bad));
}

// An Error with a line for the user. `again`: the same question may be answered later.
const failure = (text, again) => Object.assign(new Error(text), {again});

const bearer = used => used ? {Authorization: 'Bearer ' + used} : {};
const tokenWanted = used => used ? 'this is not the right token' : 'this server requires a token';

const readable = file => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

// The answer for one file. Throws a failure.
async function ask(file, explain) {
  if (file.size > LIMIT) throw failure('larger than 10 MB', false);
  if (!await readable(file)) throw failure('cannot be read; is it a folder?', false);
  for (let tries = 1; ; ++tries) {
    const used = token, kind = ['image/jpeg', 'image/png', 'image/webp'].includes(file.type) ? file.type : 'application/octet-stream';
    let reply;
    try {
      reply = await fetch('/v1/predict?top_k=5' + (explain ? '&explain=1' + (facts.similar ? '&similar=6' : '') : ''), {method: 'POST', headers: {'Content-Type': kind, ...bearer(used)}, body: file});
    } catch {
      throw failure('the server does not answer', true);
    }
    if (reply.status === 503 && tries < TRIES) {
      await pause(1000 * Number(reply.headers.get('Retry-After') || 1));
      continue;
    }
    const answer = await reply.json().catch(() => null);
    if (reply.ok && answer) return answer;
    if (reply.ok) throw failure('the response was cut short', true);
    if (reply.status === 401) {
      if (used !== token) continue;
      wantToken();
      throw failure(tokenWanted(used), true);
    }
    throw failure((answer && answer.error || 'status ' + reply.status).replace(/^picture: /, ''), reply.status >= 500);
  }
}

function wantToken() {
  if (!$('key').hidden) return;
  $('key').hidden = false;
  $('token').focus();
}

function verdictOf(answer) {
  const kinds = {'accepted': ['accepted', '\u2713', 'Accepted'], 'needs review': ['review', '!', 'Needs review'],
                 'not a product': ['out-of-distribution', '\u2715', 'Unlike the training images']};
  const [kind, sign, text] = kinds[answer.verdict];
  const mark = make('span', '', sign);
  mark.setAttribute('aria-hidden', 'true');
  return make('p', 'verdict ' + kind, mark, text);
}

// "Footwear > Shoes > ?"
function pathOf(path, chain) {
  const line = make('p', 'path');
  path.forEach((label, i) => line.append(...(i ? [make('i', '', ' \u203a ')] : []), label));
  if (path.length < chain.length) line.append(make('i', '', (path.length ? ' \u203a ' : '') + '?'));
  line.setAttribute('aria-label', [...path, ...(path.length < chain.length ? ['not confident'] : [])].join(', then '));
  return line;
}

function guessOf(guess, first) {
  const fill = make('span', 'fill');
  fill.style.width = 100 * guess.p + '%';
  const track = make('span', 'track', fill);
  track.setAttribute('aria-hidden', 'true');
  return make('div', first ? 'guess first' : 'guess', make('span', '', guess.label), track, make('span', '', percent(guess.p)));
}

function headOf(name, guesses, unsure) {
  const title = make('h3', '', name, ...(unsure ? [make('span', 'unsure', 'not confident')] : []));
  if (!guesses.length) return make('li', '', title, make('div', 'guess first', make('span', '', '?')));
  const item = make('li', '', title, guessOf(guesses[0], true));
  if (guesses.length > 1)
    item.append(make('details', '', make('summary', '', 'Other guesses'), ...guesses.slice(1).map(g => guessOf(g, false))));
  return item;
}

function showHeat() {
  const heat = $('heat'), map = heat.maps && heat.maps[$('head').value];
  heat.hidden = !($('show').checked && map);
  if (map) heat.src = map;
  heat.alt = 'Heat map for ' + $('head').value;
}

function showMaps(maps) {
  $('heat').maps = maps;
  const before = $('head').value;
  $('head').replaceChildren(...Object.keys(maps || {}).map(name => make('option', '', name)));
  if (maps && maps[before]) $('head').value = before;
  $('look').hidden = !maps;
  showHeat();
}

function showAnswer(answer) {
  const parts = [];
  if (answer.verdict) parts.push(verdictOf(answer));
  if (answer.verdict && answer.verdict !== 'not a product')
    (answer.paths || []).forEach((path, i) => parts.push(pathOf(path, facts.chains[i] || path)));
  const heads = make('ul', 'heads');
  for (const [name, guesses] of Object.entries(answer.heads)) heads.append(headOf(name, guesses, (answer.review || []).includes(name)));
  $('result').replaceChildren(...parts, heads);
  showMaps(answer.explain);
  showSimilar(answer.similar);
}

function showSimilar(products) {
  $('similar').replaceChildren();
  if (!products || !products.length) return;
  const list = make('div', 'grid');
  for (const product of products) {
    const figure = make('figure', '');
    if (product.picture) {
      const picture = make('img', '');
      picture.src = product.picture, picture.alt = '';
      figure.append(picture);
    }
    figure.title = product.file;
    figure.append(make('figcaption', '', product.file.split('/').pop(), make('br', ''), make('small', '', percent(product.cosine))));
    list.append(figure);
  }
  $('similar').append(make('h2', '', 'Similar products'), list);
}

function showStage(yes) {
  $('stage').hidden = !yes, $('invite').hidden = yes;
  $('drop').classList.toggle('filled', yes);
}

function showPicture(file) {
  if (photoUrl) URL.revokeObjectURL(photoUrl);
  photoUrl = URL.createObjectURL(file);
  $('photo').src = photoUrl, $('photo').alt = file.name;
  $('photo').onload = () => {  // small ones larger, both ways alike: the heat map covers all of it
    const scale = Math.min(3, Math.max(1, 260 / $('photo').naturalHeight));
    $('photo').style.width = scale * $('photo').naturalWidth + 'px';
  };
  $('photo').onerror = () => showStage(false);  // no picture
  showStage(true);
}

function againButton() {
  const again = make('button', 'button', 'Try again');
  again.type = 'button', again.onclick = () => single(latest);
  return again;
}

async function single(file) {
  const mine = ++shown;
  latest = file;
  showMaps(null), $('result').replaceChildren(), showSimilar(null);
  say('Asking \u2026');
  const there = await readable(file);
  if (mine !== shown) return;
  if (there) showPicture(file);
  else showStage(false);
  try {
    const answer = await ask(file, true);
    if (mine !== shown) return;
    say(file.name);
    showAnswer(answer);
    $('key').hidden = true;
  } catch (error) {
    if (mine !== shown) return;
    say(file.name + ': ' + error.message, true);
    if (error.again && $('key').hidden) $('result').replaceChildren(againButton());
  }
}

// A cell that no spreadsheet takes for a formula.
function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return '"' + safe.replaceAll('"', '""') + '"';
}

function csvOf(rows) {
  const lines = [['file', 'status', 'verdict', ...facts.heads.flatMap(h => [h, h + ' p']), 'error'].map(cell).join(',')];
  for (const {file, answer, error} of rows) {
    const guesses = facts.heads.flatMap(h => {
      const best = answer && (answer.heads[h] || [])[0];
      return best ? [cell(best.label), String(best.p)] : ['', ''];
    });
    lines.push([cell(file.name), cell(answer ? 'ok' : error ? 'failed' : 'not asked'), cell(answer && answer.verdict || ''), ...guesses, cell(error || '')].join(','));
  }
  return '\ufeff' + lines.join('\r\n') + '\r\n';
}

function openerOf(row) {
  const open = make('button', '', row.file.name);
  open.type = 'button', open.title = row.file.name;
  open.onclick = () => { single(row.file), $('answer').focus(), $('answer').scrollIntoView(); };
  return make('td', '', open);
}

function showRow(row) {
  const cells = [openerOf(row)];
  if (row.error) {
    const why = make('td', 'why', row.error);
    why.colSpan = facts.heads.length + 1;
    cells.push(why);
  } else {
    cells.push(make('td', '', row.answer.verdict || ''));
    for (const head of facts.heads) {
      const best = (row.answer.heads[head] || [])[0];
      cells.push(best ? make('td', '', best.label + ' ', make('small', '', percent(best.p))) : make('td', '', '?'));
    }
  }
  row.line.replaceChildren(...cells);
}

const missing = run => run.rows.filter(row => !row.answer && !row.refused);

function showProgress(run) {
  const failed = run.rows.filter(row => row.error).length, done = run.rows.filter(row => row.error || row.answer).length;
  $('bar').max = run.rows.length, $('bar').value = done;
  $('done').textContent = done + ' of ' + run.rows.length + (failed ? ', ' + failed + ' failed' : '');
  $('stop').hidden = !run.busy;
  $('again').hidden = run.busy || !missing(run).length;
  $('csv').disabled = run.busy;
}

// Asks for the rows that are missing, a few at once.
async function fill(run) {
  const rows = missing(run);
  let next = 0;
  run.busy = true, run.stop = false;
  for (const row of rows) row.error = '', row.line.replaceChildren(openerOf(row));
  showProgress(run);
  const work = async () => {
    while (next < rows.length && !run.stop) {
      const row = rows[next++];
      try {
        row.answer = await ask(row.file, false);
      } catch (error) {
        row.error = error.message, row.refused = !error.again;
      }
      if (run !== batch) return;
      showRow(row), showProgress(run);
    }
  };
  await Promise.all(Array.from({length: AT_ONCE}, work));
  run.busy = false;
  if (run === batch) showProgress(run);
}

function many(files) {
  if (batch) batch.stop = true;
  batch = {rows: files.map(file => ({file, line: make('tr', '')}))};
  $('batch').hidden = false, $('rows').replaceChildren(...batch.rows.map(row => row.line));
  $('columns').replaceChildren(make('tr', '', ...['File', 'Verdict', ...facts.heads].map(name => {
    const column = make('th', '', name);
    column.scope = 'col';
    return column;
  })));
  fill(batch);
}

function take(list) {
  const files = [...list];
  if (files.length === 1) single(files[0]);
  if (files.length > 1) single(files[0]), many(files);
}

// What the link of the footer leads to, but asked for with the token.
async function showMetrics() {
  const used = token;
  $('metrics').hidden = false;
  const reply = await fetch('/metrics', {headers: bearer(used)}).catch(() => null);
  const text = reply && await reply.text().catch(() => null);
  if (used !== token) return;  // another one was given meanwhile, and asked with
  const refused = reply && reply.status === 401;
  $('figures').textContent = refused ? tokenWanted(used) : text === null ? 'the server does not answer' : text;
  if (refused) wantToken();
  else $('metrics').focus(), $('metrics').scrollIntoView();
}

for (const id of ['file', 'camera'])
  $(id).onchange = event => { take(event.target.files), event.target.value = ''; };
$('metrics-link').onclick = event => { event.preventDefault(), showMetrics(); };
$('show').onchange = $('head').onchange = showHeat;
$('stop').onclick = () => { batch.stop = true; };
$('again').onclick = () => fill(batch);
$('csv').onclick = () => {
  const link = make('a', '');
  link.href = URL.createObjectURL(new Blob([csvOf(batch.rows)], {type: 'text/csv'}));
  link.download = 'pictures.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
$('key').onsubmit = event => {
  event.preventDefault();
  token = $('token').value, $('key').hidden = true;
  if (latest) single(latest);
  if (batch && !batch.busy) fill(batch);
  if (!$('metrics').hidden) showMetrics();
};
document.addEventListener('paste', event => {  // browsers call an image that was never a file image.png
  take([...event.clipboardData.files].map(f => f.name === 'image.png' ? new File([f], 'Pasted image', {type: f.type}) : f));
});
for (const kind of ['dragover', 'dragleave', 'drop'])
  document.addEventListener(kind, event => {
    event.preventDefault();
    $('drop').classList.toggle('over', kind === 'dragover');
    if (kind !== 'drop') return;
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
    else say('What was dropped is not a file; save the image first', true);
  });
