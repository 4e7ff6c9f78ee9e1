"use strict";
// Words on hover and by the arrow keys; tables that sort. The page is complete without it.
const tip = document.getElementById("tip");

function show(mark) {
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  const at = mark.getBoundingClientRect();
  const half = tip.offsetWidth / 2;
  const x = Math.min(Math.max(at.left + at.width / 2, half + 8), innerWidth - half - 8);
  const above = at.top - tip.offsetHeight - 8;
  tip.style.left = `${x - half + scrollX}px`;
  tip.style.top = `${(above > 0 ? above : at.bottom + 8) + scrollY}px`;
}

for (const chart of document.querySelectorAll(".chart")) {
  const marks = [...chart.querySelectorAll("[data-tip]")];
  let current = -1;
  const go = (index) => {
    marks[current]?.classList.remove("on");
    current = index;
    marks[current]?.classList.add("on");
    if (current < 0) tip.hidden = true;
    else show(marks[current]);
  };
  chart.addEventListener("pointerover", (event) => {
    const mark = event.target.closest("[data-tip]");
    if (mark) show(mark);
    else tip.hidden = true;
  });
  chart.addEventListener("pointerleave", () => { tip.hidden = true; });
  chart.addEventListener("blur", () => go(-1));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step && marks.length) {
      event.preventDefault();
      go(current < 0 ? (step > 0 ? 0 : marks.length - 1) : (current + step + marks.length) % marks.length);
    } else if (event.key === "Enter" && current >= 0) {
      location.hash = marks[current].getAttribute("href");
    } else if (event.key === "Escape") {
      go(-1);
    }
  });
}

function key(row, column) {
  const text = row.cells[column].dataset.key ?? (row.cells[column].classList.contains("wide")
    ? row.cells[column].textContent : "");
  const number = Number(text);
  return text === "" || Number.isNaN(number) ? text : number;
}

function compare(a, b) {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1;
}

for (const head of document.querySelectorAll("th:has(button)")) {
  head.firstElementChild.addEventListener("click", () => {
    const table = head.closest("table");
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.querySelectorAll("th")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const column = head.cellIndex;
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
    // what is missing stays last in both directions
    rows.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  });
}
