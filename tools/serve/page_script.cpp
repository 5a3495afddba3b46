// The script of the page. Whatever comes from files, labels or the server becomes text, never HTML.
#include "tools/serve/page.h"

namespace pc {

const char* const kPageScript = R"('use strict';
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

// The answer for one file. Throws an Error with a line for the user.
async function ask(file, explain) {
  if (file.size > LIMIT) throw new Error('larger than 10 MB');
  for (let tries = 1; ; ++tries) {
    const headers = {'Content-Type': ['image/jpeg', 'image/png', 'image/webp'].includes(file.type) ? file.type : 'application/octet-stream'};
    if (token) headers.Authorization = 'Bearer ' + token;
    let reply;
    try {
      reply = await fetch('/v1/predict?top_k=5' + (explain ? '&explain=1' + (facts.similar ? '&similar=6' : '') : ''), {method: 'POST', headers, body: file});
    } catch {
      throw new Error('the server does not answer');
    }
    if (reply.status === 503 && tries < TRIES) {
      await pause(1000 * Number(reply.headers.get('Retry-After') || 1));
      continue;
    }
    const answer = await reply.json().catch(() => ({error: 'status ' + reply.status}));
    if (reply.ok) return answer;
    if (reply.status === 401) $('key').hidden = false;
    throw new Error(answer.error.replace(/^picture: /, ''));
  }
}

function verdictOf(answer) {
  const kinds = {'accepted': ['accepted', '\u2713', 'Accepted'], 'needs review': ['review', '!', 'Needs review'],
                 'not a product': ['stranger', '\u2715', 'Not a product']};
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
  line.setAttribute('aria-label', [...path, ...(path.length < chain.length ? ['not sure'] : [])].join(', then '));
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
  const title = make('h3', '', name, ...(unsure ? [make('span', 'unsure', 'not sure')] : []));
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
  heat.alt = 'Heat map: what speaks for the ' + $('head').value;
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

function showPicture(file) {
  if (photoUrl) URL.revokeObjectURL(photoUrl);
  photoUrl = URL.createObjectURL(file);
  $('photo').src = photoUrl, $('photo').alt = file.name || 'The picture';
  $('photo').onload = () => {  // small ones larger, both ways alike: the heat map covers all of it
    const scale = Math.min(3, Math.max(1, 260 / $('photo').naturalHeight));
    $('photo').style.width = scale * $('photo').naturalWidth + 'px';
  };
  $('stage').hidden = false, $('invite').hidden = true;
  $('drop').classList.add('filled');
}

async function single(file) {
  const mine = ++shown;
  latest = file;
  showPicture(file), showMaps(null), $('result').replaceChildren(), showSimilar(null);
  say('Asking \u2026');
  try {
    const answer = await ask(file, true);
    if (mine !== shown) return;
    say(file.name || 'Pasted picture');
    showAnswer(answer);
    $('key').hidden = true;
  } catch (error) {
    if (mine === shown) say((file.name || 'Pasted picture') + ': ' + error.message, true);
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
      const best = answer && answer.heads[h][0];
      return best ? [cell(best.label), String(best.p)] : ['', ''];
    });
    lines.push([cell(file.name), cell(answer ? 'ok' : error ? 'failed' : 'not asked'), cell(answer && answer.verdict || ''), ...guesses, cell(error || '')].join(','));
  }
  return '\ufeff' + lines.join('\r\n') + '\r\n';
}

function showRow(row) {
  const open = make('button', '', row.file.name);
  open.type = 'button', open.title = row.file.name;
  open.onclick = () => { single(row.file), $('answer').focus(), $('answer').scrollIntoView(); };
  const cells = [make('td', '', open)];
  if (row.error) {
    const why = make('td', 'why', row.error);
    why.colSpan = facts.heads.length + 1;
    cells.push(why);
  } else {
    cells.push(make('td', '', row.answer.verdict || ''));
    for (const head of facts.heads) {
      const best = row.answer.heads[head][0];
      cells.push(best ? make('td', '', best.label + ' ', make('small', '', percent(best.p))) : make('td', '', '?'));
    }
  }
  $('rows').append(make('tr', '', ...cells));
}

function showProgress(run) {
  const failed = run.rows.filter(row => row.error).length;
  $('bar').max = run.rows.length, $('bar').value = run.done;
  $('done').textContent = run.done + ' of ' + run.rows.length + (failed ? ', ' + failed + ' failed' : '');
  $('stop').hidden = run.over;
  $('csv').disabled = !run.over;
}

async function many(files) {
  if (batch) batch.over = true;
  const run = batch = {rows: files.map(file => ({file})), done: 0, over: false};
  let next = 0;
  $('batch').hidden = false, $('rows').replaceChildren();
  $('columns').replaceChildren(make('tr', '', ...['File', 'Verdict', ...facts.heads].map(name => {
    const column = make('th', '', name);
    column.scope = 'col';
    return column;
  })));
  showProgress(run);
  const work = async () => {
    while (next < run.rows.length && !run.over) {
      const row = run.rows[next++];
      try {
        row.answer = await ask(row.file, false);
      } catch (error) {
        row.error = error.message;
      }
      if (run !== batch) return;
      ++run.done, showRow(row), showProgress(run);
    }
  };
  await Promise.all(Array.from({length: AT_ONCE}, work));
  run.over = true;
  if (run === batch) showProgress(run);
}

function take(list) {
  const files = [...list];
  if (files.length === 1) single(files[0]);
  if (files.length > 1) single(files[0]), many(files);
}

for (const id of ['file', 'camera'])
  $(id).onchange = event => { take(event.target.files), event.target.value = ''; };
$('show').onchange = $('head').onchange = showHeat;
$('stop').onclick = () => { batch.over = true; };
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
  single(latest);
};
document.addEventListener('paste', event => take(event.clipboardData.files));
for (const kind of ['dragover', 'dragleave', 'drop'])
  document.addEventListener(kind, event => {
    event.preventDefault();
    $('drop').classList.toggle('over', kind === 'dragover');
    if (kind === 'drop') take(event.dataTransfer.files);
  });
)";

}  // namespace pc
