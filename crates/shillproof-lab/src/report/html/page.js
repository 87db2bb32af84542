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
  // Charts: the point under the pointer or the focus is read out below the chart.
  document.querySelectorAll("figure .mark").forEach(function (mark) {
    var reading = mark.closest("figure").querySelector(".reading");
    function show() { reading.textContent = mark.getAttribute("aria-label"); }
    mark.addEventListener("pointerenter", show);
    mark.addEventListener("focus", show);
  });
})();
