"use strict";
// The table of all claims: sorted by its headings, filtered by the form above it.
document.addEventListener("DOMContentLoaded", () => {
  const table = document.getElementById("claims");
  if (!table) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];
  // On a narrow screen rows become cards: cells need their labels, and, since `display` changes, roles.
  table.setAttribute("role", "table");
  for (const group of [table.tHead, body]) group.setAttribute("role", "rowgroup");
  for (const row of table.rows) row.setAttribute("role", "row");
  for (const head of heads) head.setAttribute("role", "columnheader");
  for (const row of rows) {
    [...row.cells].forEach((cell, i) => {
      cell.setAttribute("role", i ? "cell" : "rowheader");
      if (i) cell.dataset.label = heads[i].innerText.trim();
    });
  }

  const choice = document.getElementById("sort");
  let sorted = { by: "order", down: false };
  for (const head of heads) {
    const button = head.querySelector("button");
    if (!button) continue;
    const by = button.dataset.sort;
    button.addEventListener("click", () => sort(by, sorted.by === by && !sorted.down));
    choice.add(new Option(button.innerText.trim().toLowerCase(), by));
  }
  choice.addEventListener("change", () => sort(choice.value, false));

  function sort(by, down) {
    sorted = { by, down };
    const compare = (a, b) => {
      const [x, y] = [a.dataset[by], b.dataset[by]];
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y, "en") : x - y;
      return (down ? -order : order) || a.dataset.order - b.dataset.order;
    };
    const had = document.activeElement;
    body.append(...[...rows].sort(compare));
    if (had) had.focus({ preventScroll: true });
    for (const head of heads) {
      const button = head.querySelector("button");
      if (button) head.setAttribute("aria-sort", button.dataset.sort !== by ? "none" : down ? "descending" : "ascending");
    }
    choice.value = by;
  }

  const [text, level, status] = ["text", "level", "status"].map((id) => document.getElementById(id));
  function filter() {
    const words = text.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const own = row.dataset;
      row.hidden =
        !words.every((word) => own.text.includes(word)) ||
        (level.value && own.level !== level.value) ||
        (status.value && own.status !== status.value);
    }
    document.getElementById("count").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
  }
  const form = document.querySelector(".tools");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); sort("order", false); }));
});

// A link to a criterion opens its runs.
function unfold() {
  const row = document.getElementById(location.hash.slice(1));
  const details = row && row.matches("tr") && row.querySelector("details");
  if (details) details.open = true;
}
addEventListener("hashchange", unfold);
document.addEventListener("DOMContentLoaded", unfold);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  } catch {
    // Without leave to write to the clipboard, select the command instead.
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
});
