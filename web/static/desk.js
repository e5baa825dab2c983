// What every page behind the login needs: a form on its way is not sent again, and a page that was left comes back
// only to the login that it was drawn for.
(function () {
  'use strict';
  var page = document.documentElement, own = document.querySelector('form[action="/logout"] [name="form_token"]');
  var pressed = null;

  function release(form) {
    var busy = form.querySelectorAll('[aria-busy]'), i;
    form.removeAttribute('data-sent');
    for (i = 0; i < busy.length; i++) { busy[i].removeAttribute('aria-busy'); }
  }

  document.addEventListener('click', function (event) { pressed = event.target; });
  document.addEventListener('submit', function (event) {
    var form = event.target;
    // Files go to a page of their own, or are fetched by another script.
    if (event.defaultPrevented || form.method !== 'post' || form.target) { return; }
    if (form.hasAttribute('data-sent')) { event.preventDefault(); return; }
    form.setAttribute('data-sent', '');
    if (pressed && pressed.form === form) { pressed.setAttribute('aria-busy', 'true'); }
    // An answer that is lost must not leave the page dead.
    setTimeout(function () { release(form); }, 15000);
  });

  // Browsers keep whole pages for the way back, whatever their cache rules say: without passwords and out of sight,
  // until it is known that the same login goes on.
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
    var i;
    for (i = 0; i < document.forms.length; i++) { release(document.forms[i]); }
    if (event.persisted && own) { ask(); } else { page.style.visibility = ''; }
  });
})();
