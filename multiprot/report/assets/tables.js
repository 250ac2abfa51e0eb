"use strict";

const Tables = (() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function value(row, column, numeric) {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim();
    return "order" in cell.dataset ? Number(cell.dataset.order) : null;
  }

  // What has no value stays below, whichever way the others are sorted.
  function compare(first, second, numeric, sign) {
    if (first === null || second === null) return (first === null) - (second === null);
    return sign * (numeric ? first - second : collator.compare(first, second));
  }

  function sort(header) {
    const numeric = header.dataset.sorts === "number";
    const before = header.getAttribute("aria-sort");
    const first = numeric ? "descending" : "ascending";
    const second = numeric ? "ascending" : "descending";
    const direction = before === first ? second : first;
    for (const other of header.parentElement.cells) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    header.setAttribute("aria-sort", direction);
    const body = header.closest("table").tBodies[0];
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row) => [value(row, header.cellIndex, numeric), row]);
    rows.sort(([a], [b]) => compare(a, b, numeric, sign));
    body.append(...rows.map(([, row]) => row));
  }

  function setUp() {
    for (const header of document.querySelectorAll("th[data-sorts]")) {
      header.querySelector("button").addEventListener("click", () => sort(header));
    }
  }

  return { setUp };
})();
