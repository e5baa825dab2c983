// Keeps the page of a running round up to date and says whether the slips add up while they are typed in.
// Without it the page works the same, with the link 刷新.
(function () {
  'use strict';
  var main = document.getElementById('round');

  // Custody: printed = handed out + spoiled + unused, in words.
  var form = document.getElementById('custody-form'), said = document.getElementById('balance');
  function add() {
    var printed = Number(form.getAttribute('data-printed')), sum = 0, i, field, text;
    for (i = 0; i < 3; i++) {
      field = form.elements[['handed_out', 'spoiled', 'unused'][i]];
      if (!/^\d+$/.test(field.value)) { said.textContent = ''; return; }
      sum += Number(field.value);
    }
    text = sum === printed ? 'even' : (sum < printed ? 'less' : 'more');
    said.textContent = said.getAttribute('data-' + text).replace('{n}', Math.abs(printed - sum));
  }
  if (form && said) { form.addEventListener('input', add); }

  if (!main || !window.EventSource || !main.getAttribute('data-events')) { return; }
  var seen = null, dirty = false, source;
  document.addEventListener('input', function () { dirty = true; });

  function fill(name, value) {
    var places = main.querySelectorAll('[data-now="' + name + '"]'), i;
    for (i = 0; i < places.length; i++) { places[i].textContent = value; }
  }
  // As a percentage cut off after two places, like everywhere.
  function share(part) {
    var place = main.querySelector('[data-now="share"]'), of = place && Number(place.getAttribute('data-of'));
    if (of) { place.textContent = (Math.floor(part * 10000 / of) / 100).toFixed(2) + '%'; }
  }

  // Puts the parts that the server draws in the place of those on the page; forms are left alone.
  function redraw() {
    fetch(location.pathname, { credentials: 'same-origin' }).then(function (answer) {
      return answer.ok ? answer.text() : '';
    }).then(function (text) {
      var page = new DOMParser().parseFromString(text, 'text/html'), parts = ['stopped', 'live'], i, now, then;
      for (i = 0; i < parts.length; i++) {
        now = page.getElementById(parts[i]); then = document.getElementById(parts[i]);
        if (now && then) { then.parentNode.replaceChild(document.importNode(now, true), then); }
      }
    }).catch(function () { /* the next change draws it */ });
  }

  function moved() {
    source.close();
    if (!dirty) { location.reload(); return; }
    document.getElementById('moved').hidden = false;
  }

  function connect() {
    source = new EventSource(main.getAttribute('data-events'));
    source.addEventListener('state', function (event) {
      var state = JSON.parse(event.data);
      if (String(state.version) !== main.getAttribute('data-version')) { moved(); return; }
      fill('spent', state.spent); share(state.spent); fill('voided', state.voided); fill('waiting', state.waiting);
      if (seen ? (seen.live !== state.live || seen.stopped !== state.stopped)
        : (String(state.live) !== main.getAttribute('data-live') || state.stopped)) { redraw(); }
      seen = state;
    });
    source.addEventListener('over', function () { source.close(); });
    // The browser connects anew by itself, except after a refusal.
    source.addEventListener('error', function () {
      if (source.readyState === 2) { setTimeout(connect, 10000); }
    });
  }
  connect();
  window.addEventListener('pagehide', function () { source.close(); });
  // A page that comes back from the browser's memory has missed what happened since.
  window.addEventListener('pageshow', function (event) {
    if (!event.persisted) { return; }
    if (dirty) { connect(); } else { location.reload(); }
  });
})();
