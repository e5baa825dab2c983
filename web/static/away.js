// Browsers keep whole pages for the way back, whatever their cache rules say. A page that somebody left goes there
// without passwords and out of sight, and comes back only to the login that it was drawn for.
(function () {
  'use strict';
  var page = document.documentElement, own = document.querySelector('form[action="/logout"] [name="form_token"]');

  function ask() {
    fetch('/password', { credentials: 'same-origin', cache: 'no-store' }).then(function (answer) {
      return answer.text();
    }).then(function (text) {
      if (text.indexOf(own.value) < 0) { throw new Error('another login, or none'); }
      page.style.visibility = '';
    }).catch(function () { location.replace(location.pathname + location.search); });
  }

  window.addEventListener('pagehide', function () {
    var secrets = document.querySelectorAll('input[type="password"]'), i;
    for (i = 0; i < secrets.length; i++) { secrets[i].value = ''; }
    if (own) { page.style.visibility = 'hidden'; }
  });
  window.addEventListener('pageshow', function (event) {
    if (event.persisted && own) { ask(); } else { page.style.visibility = ''; }
  });
})();
