(function () {
  "use strict";
  // Tables: a click on a heading sorts by that column, a second one the other way round; gaps stay last.
  document.querySelectorAll("th button").forEach(function (button) {
    button.addEventListener("click", function () {
      var th = button.parentElement, row = th.parentElement, table = th.closest("table");
      var column = Array.prototype.indexOf.call(row.children, th);
      var down = th.getAttribute("aria-sort") === "ascending";
      Array.prototype.forEach.call(row.children, function (other) { other.removeAttribute("aria-sort"); });
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      var body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows);
      function value(tr) {
        var cell = tr.cells[column];
        return cell.hasAttribute("data-sort") ? cell.getAttribute("data-sort") : cell.textContent;
      }
      rows.map(function (tr, at) { return { tr: tr, at: at, value: value(tr) }; }).sort(function (a, b) {
        if (a.value === "" || b.value === "") return (a.value === "") - (b.value === "") || a.at - b.at;
        var x = Number(a.value), y = Number(b.value);
        var order = isNaN(x) || isNaN(y) ? a.value.localeCompare(b.value) : x - y;
        return (down ? -order : order) || a.at - b.at;
      }).forEach(function (entry) { body.appendChild(entry.tr); });
    });
  });
  // Charts: the mark nearest to the pointer, or that of the focus, is read out below the chart. Arrow keys move within a
  // chart: left and right through its marks, up and down to the next series, Home and End to the ends.
  document.querySelectorAll("figure").forEach(function (figure) {
    var marks = Array.prototype.slice.call(figure.querySelectorAll(".mark"));
    if (!marks.length) return;
    var reading = figure.querySelector(".reading"), now = null;
    function show(mark) {
      if (now) now.classList.remove("read");
      now = mark;
      mark.classList.add("read");
      reading.textContent = mark.getAttribute("aria-label");
    }
    function near(x, y, among) {
      var best = null, least = Infinity;
      among.forEach(function (mark) {
        var box = mark.getBoundingClientRect();
        var dx = box.left + box.width / 2 - x, dy = box.top + box.height / 2 - y, far = dx * dx + dy * dy;
        if (far < least) { least = far; best = mark; }
      });
      return best;
    }
    function focus(mark) {
      marks.forEach(function (other) { other.setAttribute("tabindex", other === mark ? "0" : "-1"); });
      mark.focus();
    }
    var svg = marks[0].ownerSVGElement;
    svg.addEventListener("pointermove", function (event) { show(near(event.clientX, event.clientY, marks)); });
    marks.forEach(function (mark, at) {
      mark.addEventListener("focus", function () { show(mark); });
      mark.addEventListener("keydown", function (event) {
        var series = Number(mark.getAttribute("data-series")), box = mark.getBoundingClientRect(), step;
        if (event.key === "ArrowRight") step = marks[at + 1];
        else if (event.key === "ArrowLeft") step = marks[at - 1];
        else if (event.key === "Home") step = marks[0];
        else if (event.key === "End") step = marks[marks.length - 1];
        else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
          var other = series + (event.key === "ArrowDown" ? 1 : -1);
          step = near(box.left + box.width / 2, box.top + box.height / 2, marks.filter(function (m) {
            return Number(m.getAttribute("data-series")) === other;
          }));
        } else return;
        event.preventDefault();
        if (step) focus(step);
      });
    });
  });
  // Files: unpacked from the page itself.
  document.querySelectorAll("button[data-file]").forEach(function (button) {
    button.addEventListener("click", function () {
      var bytes = Uint8Array.from(atob(button.dataset.gzip), function (c) { return c.charCodeAt(0); });
      var plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      new Response(plain).blob().then(function (blob) {
        var link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([blob], { type: button.dataset.media }));
        link.download = button.dataset.file;
        document.body.appendChild(link);
        link.click();
        link.remove();
        setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
      });
    });
  });
  // Paper has no fold: tables under charts are printed too.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.slice.call(document.querySelectorAll("figure details:not([open])"));
    opened.forEach(function (details) { details.open = true; });
  });
  window.addEventListener("afterprint", function () {
    opened.forEach(function (details) { details.open = false; });
  });
})();
