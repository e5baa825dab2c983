// Downloads slips within the page: says how many have come and whether the file is whole, and warns before the
// page with the codes is left. Without it the browser downloads by itself, beside the page.
(function () {
  'use strict';
  var form = document.getElementById('files'), said = document.getElementById('coming');
  var saved = false, busy = false;
  if (!form || !window.fetch || !window.ReadableStream || !window.URLSearchParams || !window.FormData) { return; }

  window.addEventListener('afterprint', function () { saved = true; });
  window.addEventListener('beforeunload', function (event) {
    if (!saved || busy) { event.preventDefault(); event.returnValue = ''; }
  });

  function say(kind, words, bar) {
    var text = said.getAttribute('data-' + kind), name;
    for (name in words) { text = text.replace('{' + name + '}', words[name]); }
    said.textContent = text;
    if (bar) {
      var shown = document.createElement('progress');
      if (bar.max) { shown.max = bar.max; shown.value = bar.value; }
      said.appendChild(document.createElement('br'));
      said.appendChild(shown);
    }
  }

  function mega(bytes) { return (bytes / 1e6).toFixed(1); }

  function save(parts, answer) {
    var name = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') || '');
    var link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob(parts, { type: answer.headers.get('content-type') }));
    link.download = name ? name[1] : 'slips';
    document.body.appendChild(link);
    link.click();
    document.body.removeChild(link);
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 60000);
    return link.download;
  }

  function receive(answer) {
    var count = Number(form.getAttribute('data-count')), length = Number(answer.headers.get('content-length'));
    var reader = answer.body.getReader(), parts = [], received = 0;
    function next() {
      return reader.read().then(function (piece) {
        if (piece.done) {
          if (length && received !== length) { throw new Error('broken'); }
          say('done', { name: save(parts, answer), mb: mega(received) });
          saved = true;
          return null;
        }
        parts.push(piece.value);
        received += piece.value.length;
        if (length) {
          say('coming', { n: Math.floor(count * received / length), count: count }, { max: length, value: received });
        } else {
          say('bytes', { mb: mega(received) }, {});
        }
        return next();
      });
    }
    return next();
  }

  function refused(answer) {
    return answer.text().then(function (text) {
      var page = new DOMParser().parseFromString(text, 'text/html');
      var words = page.querySelector('.notice.bad li, .error, main h1, h1');
      say('refused', { words: words ? words.textContent : answer.status });
    });
  }

  form.addEventListener('submit', function (event) {
    event.preventDefault();
    if (busy) { return; }
    busy = true;
    say('bytes', { mb: '0.0' }, {});
    fetch(form.action, { method: 'POST', credentials: 'same-origin', body: new URLSearchParams(new FormData(form)) })
      .then(function (answer) { return answer.ok ? receive(answer) : refused(answer); })
      .catch(function () { say('broken', {}); })
      .then(function () { busy = false; });
  });
})();
