"use strict";
(() => {
  // What each row sorts and filters by, in the order in which the rows were written.
  const keys = JSON.parse(document.getElementById("rows").textContent);
  const table = document.querySelector(".summary table");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = keys.map((key, i) => ({ key, row: body.rows[i], section: document.getElementById(key.claim) }));

  // On a narrow screen rows become cards: cells need their labels, and, since `display` changes, roles.
  table.setAttribute("role", "table");
  for (const group of [table.tHead, body]) group.setAttribute("role", "rowgroup");
  for (const row of table.rows) row.setAttribute("role", "row");
  for (const head of heads) head.setAttribute("role", "columnheader");
  for (const { row } of rows) {
    [...row.cells].forEach((cell, i) => {
      cell.setAttribute("role", i ? "cell" : "rowheader");
      cell.dataset.label = heads[i].innerText.trim();
    });
  }

  const byNumber = { status: "rank" };
  let sorted = { by: "order", down: false };
  const choice = document.getElementById("sort");
  for (const head of heads) {
    const button = head.querySelector("button");
    if (!button) continue;
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const by = button.dataset.sort;
      sort(by, sorted.by === by && !sorted.down);
    });
    choice.add(new Option(button.innerText.trim().toLowerCase(), button.dataset.sort));
  }
  choice.addEventListener("change", () => sort(choice.value, false));

  function sort(by, down) {
    sorted = { by, down };
    const field = byNumber[by] || by;
    const compare = (a, b) => {
      const [x, y] = [a.key[field], b.key[field]];
      const order = typeof x === "number" ? x - y : x.localeCompare(y, "en");
      return (down ? -order : order) || a.key.order - b.key.order;
    };
    const had = document.activeElement;
    for (const { row } of [...rows].sort(compare)) body.append(row);
    if (had) had.focus({ preventScroll: true });
    for (const head of heads) {
      const button = head.querySelector("button");
      if (button) head.setAttribute("aria-sort", button.dataset.sort !== by ? "none" : down ? "descending" : "ascending");
    }
    choice.value = by;
  }

  const text = document.getElementById("text");
  const level = document.getElementById("level");
  const status = document.getElementById("status");
  const count = document.getElementById("count");
  function filter() {
    const words = text.value.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { key, row, section } of rows) {
      const fits =
        words.every((word) => key.text.includes(word)) &&
        (!level.value || key.level === level.value) &&
        (!status.value || key.status === status.value);
      row.hidden = section.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} claims`;
  }
  const form = document.querySelector(".tools");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); sort("order", false); }));

  // A link to a claim opens its evidence.
  function open() {
    const section = rows.map((r) => r.section).find((s) => `#${s.id}` === location.hash);
    if (!section) return;
    section.querySelector("details").open = true;
    section.focus({ preventScroll: true });
    section.scrollIntoView();
  }
  addEventListener("hashchange", open);
  open();

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const label = button.firstChild;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      label.textContent = "Copied";
    } catch {
      // Without leave to write to the clipboard, select the command instead.
      getSelection().selectAllChildren(button.previousElementSibling);
      label.textContent = "Selected";
    }
    setTimeout(() => { label.textContent = "Copy"; }, 1500);
  });

  // On paper everything is open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("main details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });
})();
