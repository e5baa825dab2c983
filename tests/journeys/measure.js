// What a person would call "cut off", "sticking out", "too small to read" or "too small to hit".
var found = [], width = document.documentElement.clientWidth;

function shown(element) {
  for (var e = element; e && e.nodeType === 1; e = e.parentElement) {
    if (e.matches('.sr-only, .skip, [hidden]')) { return false; }
    var style = getComputedStyle(e);
    if (style.visibility === 'hidden' || style.display === 'none' || style.clip === 'rect(0px, 0px, 0px, 0px)') { return false; }
  }
  return true;
}
function name(element) {
  return element.tagName.toLowerCase() + (element.id ? '#' + element.id : '') +
    (element.getAttribute('class') ? '.' + element.getAttribute('class').trim().replace(/\s+/g, '.') : '');
}
function isBox(style) {
  return style.borderRightStyle !== 'none' && parseFloat(style.borderRightWidth) > 0 && style.borderRightColor !== 'rgba(0, 0, 0, 0)';
}

if (document.documentElement.scrollWidth > width) {
  found.push('the page is ' + document.documentElement.scrollWidth + ' wide, the screen ' + width);
}

var walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), node, range = document.createRange();
while ((node = walker.nextNode())) {
  var parent = node.parentElement;
  if (!node.data.trim() || parent.closest('script, style, noscript, option, textarea') || !shown(parent)) { continue; }
  range.selectNodeContents(node);
  Array.prototype.forEach.call(range.getClientRects(), function (rect) {
    if (rect.width < 1 || rect.height < 1) { return; }
    var words = '“' + node.data.trim().slice(0, 20) + '”';
    for (var e = parent; e && e !== document.body; e = e.parentElement) {
      var style = getComputedStyle(e), box = e.getBoundingClientRect();
      if (/auto|scroll/.test(style.overflowX)) { return; }
      if (style.display === 'inline' || e instanceof SVGElement && !(e instanceof SVGSVGElement)) { continue; }
      var out = rect.right > box.right + 1.5 || rect.left < box.left - 1.5;
      var below = rect.bottom > box.bottom + 1.5 && style.overflowY !== 'visible';
      if ((out && (isBox(style) || style.overflowX !== 'visible')) || below) {
        found.push(words + ' is cut off by or sticks out of ' + name(e));
        return;
      }
    }
    if (rect.left < -1 || rect.right > width + 1) { found.push(words + ' is outside the screen'); }
  });
}

Array.prototype.forEach.call(document.querySelectorAll('svg text'), function (text) {
  var svg = text.ownerSVGElement, box = svg.getBoundingClientRect(), size, view = svg.viewBox.baseVal;
  if (!box.width || !view || !view.width || !shown(svg) || svg.closest('.poster, .slips')) { return; }
  size = parseFloat(getComputedStyle(text).fontSize) * box.width / view.width;
  if (size < 12) { found.push('“' + text.textContent + '” in a drawing is ' + size.toFixed(1) + ' px'); }
});

Array.prototype.forEach.call(document.querySelectorAll('button, .button, input:not([type=hidden]), select, textarea, summary, nav a, .doors a'), function (target) {
  var box = (target.closest('label') || target).getBoundingClientRect();
  if (!box.width || !shown(target)) { return; }
  if (box.height < 43.5 || box.width < 43.5) { found.push(name(target) + ' “' + (target.textContent || '').trim().slice(0, 12) + '” is ' + box.width.toFixed(0) + ' × ' + box.height.toFixed(0)); }
});

return found.filter(function (line, place) { return found.indexOf(line) === place; });
