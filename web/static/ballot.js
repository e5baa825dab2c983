// Helps the ballot on a bad network: one submission at a time, the same form again until an answer comes. Asks about
// blanks here: whoever watches the line sees one submission, whether there were any or not.
// Without this script the form works by itself. Nothing is kept on the phone.
(function () {
  'use strict';
  if (!window.XMLHttpRequest || !window.DOMParser || !document.addEventListener) { return; }
  var busy = false, waits = [2, 4, 8, 15, 15, 30, 30], pressed = null, title = document.title, asked = '', turned = 0;

  function pairs(form) {
    var out = [], i, field;
    for (i = 0; i < form.elements.length; i++) {
      field = form.elements[i];
      if (!field.name || field.disabled || field.type === 'submit' || (field.type === 'radio' && !field.checked)) { continue; }
      out.push([field.name, field.value]);
    }
    if (pressed && pressed.form === form && pressed.name) { out.push([pressed.name, pressed.value]); }
    return filled(out.map(function (p) { return encodeURIComponent(p[0]) + '=' + encodeURIComponent(p[1]); }).join('&'),
      form.elements.comment ? 4096 : 2048);
  }

  // Filled up to a size that all forms of the paper share, the longest comment included: encryption on the way does not
  // hide how long a form is.
  function filled(body, size) {
    return body + '&pad=' + new Array(size - (body.length + 5) % size + 1).join('0');
  }

  function say(form, text) {
    var place = form.querySelector('.sending');
    if (place) { place.className = text ? 'sending notice warn' : 'sending'; place.textContent = text; }
  }

  function lock(form, on) {
    var i, field;
    busy = on;
    for (i = 0; i < form.elements.length; i++) {
      field = form.elements[i];
      if (field.type === 'submit') {
        if (on) { field.setAttribute('aria-disabled', 'true'); } else { field.removeAttribute('aria-disabled'); }
        if (field === (pressed || form.querySelector('[type=submit]'))) { field.setAttribute('aria-busy', on ? 'true' : 'false'); }
      }
    }
  }

  // Turns from the ballot to the question about its blanks, and back. Another tap at the same place is no answer.
  function turn(form, asking) {
    var question = form.querySelector('.asking'), main = document.getElementById('main');
    form.querySelector('.filling').hidden = asking;
    question.hidden = !asking;
    main.setAttribute('data-page', asking ? 'blanks' : 'ballot');
    document.title = asking ? question.querySelector('h1').textContent : title;
    say(form, '');
    if (asking) { window.scrollTo(0, 0); } else { form.querySelector('.item.left').scrollIntoView(); }
    main.focus({ preventScroll: true });
    turned = Date.now();
  }

  // Marks the items that are blank, and names them.
  function blanks(form) {
    var items = form.querySelectorAll('.item'), named = [], i;
    for (i = 0; i < items.length; i++) {
      if (items[i].querySelector(':checked')) { items[i].classList.remove('left'); continue; }
      items[i].classList.add('left');
      named.push('第 ' + items[i].id.slice(1) + ' 项：' + items[i].querySelector('.question').textContent);
    }
    return named;
  }

  // Whether the form waits for an answer to the question: it was just asked, or was not answered by casting the very ballot
  // that it was asked about.
  function asks(form) {
    var question = form.querySelector('.asking'), word = pressed && pressed.value, named, list, line, i;
    if (!question) { return false; }
    if (!question.hidden && word !== 'cast') {
      if (word === 'back') { turn(form, false); }
      return true;
    }
    named = blanks(form);
    if (question.hidden ? !named.length : named.join() === asked) { return false; }
    asked = named.join();
    list = question.querySelector('.blank-list');
    list.textContent = '';
    for (i = 0; i < named.length; i++) {
      line = document.createElement('li');
      line.textContent = named[i];
      list.appendChild(line);
    }
    question.querySelector('.blank-count').textContent = named.length;
    turn(form, true);
    return true;
  }

  // Puts the server's page in the place of this one: the choices leave the screen and the memory with it.
  function show(text, fragment) {
    var page = new DOMParser().parseFromString(text, 'text/html'), main = page.getElementById('main'), place;
    if (!main || !main.getAttribute('data-page')) { return false; }
    document.title = page.title;
    document.getElementById('main').parentNode.replaceChild(main, document.getElementById('main'));
    place = fragment && document.getElementById(fragment);
    if (place) { place.scrollIntoView(); } else { window.scrollTo(0, 0); }
    main.focus({ preventScroll: true });
    return true;
  }

  function send(form, body, attempt, fragment) {
    var request = new XMLHttpRequest(), ended = false;
    function again(seconds, answer) {
      if (ended) { return; }
      ended = true;
      if (attempt >= waits.length) {
        if (answer && show(answer)) { busy = false; return; }
        say(form, '还不能确定投成没有。请看看手机有没有网，再按一次“' + (pressed || form.querySelector('[type=submit]')).textContent +
          '”，多按不会多算。您选好的都还在。');
        lock(form, false);
        return;
      }
      say(form, (answer ? '系统正忙' : '网络不好') + '，正在自动再试（第 ' + (attempt + 2) + ' 次）。请不要关掉这个页面。');
      setTimeout(function () { send(form, body, attempt + 1, fragment); }, 1000 * (seconds || waits[attempt]));
    }
    request.open('POST', form.getAttribute('action'), true);
    request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
    request.timeout = 20000;
    request.onload = function () {
      // A refusal is final; a fault of the server's, or of something on the way to it, may pass.
      if (request.status >= 500) { again(parseInt(request.getResponseHeader('Retry-After'), 10), request.responseText); return; }
      if (ended) { return; }
      if (show(request.responseText, fragment)) { ended = true; busy = false; pressed = null; } else { again(); }
    };
    request.onerror = request.ontimeout = request.onabort = function () { again(); };
    request.send(body);
  }

  // A page that is left goes into the browser's memory without its choices.
  window.addEventListener('pagehide', function () {
    var forms = document.forms, i;
    for (i = 0; i < forms.length; i++) { forms[i].reset(); }
  });
  // What was put in the place of the ballot does not come back from there.
  window.addEventListener('pageshow', function (event) {
    var main = document.getElementById('main');
    if (event.persisted && !busy && main.getAttribute('data-page') !== 'ballot') { location.reload(); }
  });
  document.addEventListener('click', function (event) {
    var button = event.target;
    if (button && button.type === 'submit' && !busy) { pressed = button; }
  });
  document.addEventListener('change', function (event) {
    var item = event.target;
    while (item && item.tagName !== 'FIELDSET') { item = item.parentNode; }
    if (item) { item.classList.remove('left'); }
  });
  document.addEventListener('submit', function (event) {
    var form = event.target, fragment = '';
    if (!form.hasAttribute('data-cast')) { return; }
    event.preventDefault();
    if (busy || Date.now() - turned < 700 || asks(form)) { return; }
    if (pressed && pressed.getAttribute('formaction')) { fragment = pressed.getAttribute('formaction').split('#')[1] || ''; }
    lock(form, true);
    say(form, '正在提交，请稍等。');
    send(form, pairs(form), 0, fragment);
  });
})();
