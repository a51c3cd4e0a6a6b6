
// --- What is told in words. ------------------------------------------------------------------------

const PHASES = { turn: "turn", grow: "grow", drop: "drop", second: "second race", after: "after", unknown: "now" };
const small = (v) => (Math.abs(v) >= 0.01 && Math.abs(v) < 1000 ? v.toFixed(3) : v.toExponential(2)).replace("-", "−");
const percent = (v) => `${v >= 0.1 || v === 0 ? Math.round(v * 100) : (v * 100).toPrecision(v > 0.001 ? 2 : 1)} %`;
const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const plain = (v) => String(Number(v.toPrecision(4)));
const alphaText = (v) => v.toExponential(0).replace("e-", "e−").replace("e+0", "");
const ordinal = (n) => `${n}${{ 1: "st", 2: "nd", 3: "rd" }[n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] || "th"}`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const signed = (v) => v.toFixed(2).replace("-", "−");
const phaseAt = (run, t) => (watched(run) ? "unknown" : run.phases.findLast(({ start }) => start <= t).name);

// Of a snapshot: weighted alignment, loss left, and shares of all norm products.
function measures(run, t) {
  let [total, aligned, largest, late] = [0, 0, 0, 0];
  for (let j = 0; j < run.m; j++) {
    const c = normAt(run, j, t);
    total += c;
    aligned += c * run.cos[j * run.T + t];
    largest = Math.max(largest, c);
    if (run.arrays.late[j]) late += c;
  }
  return { alignment: aligned / total, left: run.loss_curve[t] / run.loss_curve[0], largest: largest / total, late: late / total, total };
}

const SENTENCES = {
  unknown: (run, m) => `Weighted by norm, alignment is ${signed(m.alignment)}. The largest unit has ${percent(m.largest)} of all norm${hasLoss(run) ? `; ${percent(m.left)} of the first loss is left` : ""}.`,
  turn: (run, m) => `Neurons rotate towards their pulls, and grow little. Weighted by norm, alignment is ${signed(m.alignment)}; ${percent(m.left)} of the loss is left.`,
  grow: (run, m) => `Aligned neurons grow exponentially, so that a small lead becomes a large one. The largest has ${percent(m.largest)} of all norm; the loss does not show it yet, ${percent(m.left)} is left.`,
  drop: (run, m) => run.raced
    ? `The leaders are large enough to fit the data: ${percent(m.left)} of the loss is left. What is fitted pulls no more, and ends their race.`
    : `The loss falls before neurons have turned: ${percent(m.left)} is left at a weighted alignment of ${signed(m.alignment)}. There was no race.`,
  second: (run, m) => `The leaders have arrived. What is left of the loss (${percent(m.left)}) is another pull, and ${count(run.late.length, "neuron")} that lagged at the drop now outgrow${run.late.length === 1 ? "s" : ""} them, with ${percent(m.late)} of all norm so far.`,
  after: (run, m, t) => {
    const growth = m.total / measures(run, run.phases.at(-1).start).total - 1;
    const late = run.late.length ? ` Late winners hold ${percent(m.late)} of all norm.` : "";
    const lanes = run.sizes.filter((n) => n > 1).length;
    return run.raced
      ? `The race is over: ${percent(m.left)} of the loss is left, and since the leaders arrived all norms together have changed by ${percent(Math.abs(growth))}. ${count(lanes, "lane")} of two neurons or more remain${lanes === 1 ? "s" : ""}.${late}`
      : `There was no race: the loss fell before neurons turned, and ${percent(m.left)} of it is left. All norms together are ${(m.total / measures(run, 0).total).toFixed(2)} times those of the init; weighted alignment is ${signed(m.alignment)}.`;
  },
};
function tellStory() {
  for (const view of views()) {
    const element = $(`story${view.suffix}`);
    const t = snapshotOf(view);
    if (element.dataset.told === `${view.run.name} ${t}`) continue;
    element.dataset.told = `${view.run.name} ${t}`;
    const name = phaseAt(view.run, t);
    const title = document.createElement("b");
    title.textContent = `${view.suffix ? "Beside it: " : ""}${capital(PHASES[name])}. `;
    const ended = view.suffix && view.time >= view.run.T - 1 && clockOf(view.run, view.run.T - 1) < clockNow() ? " This run has ended." : "";
    element.replaceChildren(title, SENTENCES[name](view.run, measures(view.run, t), t) + ended);
  }
  const current = phaseAt(state.first.run, snapshotNow());
  for (const button of $("phases").children) {
    if (button.value === current) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
}
function listPhases() {
  $("phases").replaceChildren(...state.first.run.phases.map(({ name, start }) => {
    const button = Object.assign(document.createElement("button"), { type: "button", value: name, textContent: PHASES[name] });
    button.addEventListener("click", () => moveTo(start));
    return button;
  }));
}

// In what two runs differ beside init and seed, so that they are not compared without a thought.
function differences(a, b) {
  const end = (run) => plain(timeOf(run, run.step.length - 1));
  const of = {
    "data sets": (run) => run.dataset,
    ...(state.second && { "seeds of data and init": (run) => run.seed }),
    rates: (run) => plain(run.learning_rate),
    budgets: (run) => `${run.step.at(-1)} steps, to t = ${end(run)}`,
    widths: (run) => run.width,
    losses: (run) => run.loss,
  };
  return Object.entries(of).filter(([, get]) => get(a) !== get(b)).map(([what, get]) => `${what} (${get(a)}; ${get(b)})`);
}
function tellDifferences(before) {
  const { run } = state.first;
  const other = state.second ? state.second.run : before;
  const found = other && other !== run && !watched(run) ? differences(run, other) : [];
  $("apart").hidden = !found.length;
  $("apart").textContent = !found.length ? "" : state.second
    ? `These two runs differ in their ${found.join(", ")}. The clock is ${state.clock === "t" ? "t = rate × step" : "in multiples of the time to each drop"}.`
    : `Not to be compared with the run before by steps, nor at the end: they differ in their ${found.join(", ")}.`;
}

function tellWhich() {
  const { run } = state.first;
  if (watched(run)) {
    const units = run.units > run.m ? `The ${run.m} of ${run.units} units with the largest final norm products, numbered in their order` : count(run.m, "unit");
    $("which").textContent = `${units}; ${count(run.T, "reading")}, up to step ${run.step.at(-1)}.${hasLoss(run) ? "" : " The loss was not told at each reading."}`;
    return;
  }
  const what = run.names.map(({ name, why }) => `${name}: ${why}`).join("; ");
  const others = runs.filter((one) => one !== run && one.name.startsWith(run.name.replace(/\d+$/, "")));
  const words = `Seed ${run.seed} is shown as ${what}. Rate ${plain(run.learning_rate)}, ${run.step.at(-1)} steps, to t = ${plain(timeOf(run, run.T - 1))}.`;
  const buttons = others.flatMap((one, i) => [i ? "; " : " ", linkTo(one.names.map(({ name }) => name).join(", "), () => show(one, state.second && state.second.run).then(() => writeLink()))]);
  const late = run.late.slice(0, 5).flatMap((j, i) => [i ? "; " : " ", linkTo(`#${j} (${lateWords(run, j)})`, () => choose(j))]);
  $("which").replaceChildren(words, ...(others.length ? [" Others:", ...buttons, "."] : []),
    ...(run.late.length ? [` ${count(run.late.length, "late winner")} ◆:`, ...late, run.late.length > 5 ? " …" : ""] : []));
}
function linkTo(text, act) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: text });
  button.addEventListener("click", act);
  return button;
}
function lateWords(run, j) {
  const f = facts(run, j);
  return `${ordinal(f.final_rank)} at the end, forecast ${ordinal(f.forecast_rank)}, ${ordinal(f.drop_rank)} at the drop`;
}

// The chosen neuron.
function tellNeuron() {
  const { run } = state.first;
  const f = facts(run, state.selected);
  const of = (rank, n = run.m) => `${rank} of ${n}`;
  const rows = [
    ["neuron", `#${f.neuron}, ${f.sign > 0 ? "positive head" : f.sign < 0 ? "negative head" : "several heads"}`],
    ["‖w‖ at init", small(f.norm_w)],
    ["‖a‖ at init", small(f.norm_a)],
    ["cos δ at init", small(f.cos_delta)],
    ["lane", f.cluster < 0 ? "none: closed on all data" : `${f.cluster + 1}, of ${count(f.lane_size, "neuron")}`],
    ...(watched(run) ? [] : [
      ["forecast rank", f.forecast_rank ? of(f.forecast_rank) : "no forecast here"],
      ["rank at the drop", f.drop_rank ? of(f.drop_rank) : "no drop"],
    ]),
    ["final rank", of(f.final_rank)],
    ["final in its lane", f.lane_rank ? of(f.lane_rank, f.lane_size) : "–"],
    ["cos δ now", "", "now-cos"],
    ["‖a‖‖w‖ now", "", "now-norm"],
    ["rank now", "", "now-rank"],
  ];
  $("details").replaceChildren(...rows.flatMap(([term, value, id]) => {
    const dt = Object.assign(document.createElement("dt"), { textContent: term });
    const dd = Object.assign(document.createElement("dd"), { textContent: value });
    if (id) { dd.id = id; dd.setAttribute("aria-live", "off"); }
    return [dt, dd];
  }));
  $("told").textContent = f.late ? `A late winner: ${lateWords(run, f.neuron)}.` : "";
  tellNow();
}
function tellNow() {
  const { run, drawn } = state.first;
  const { all, lane } = ranksNow(run, state.selected, snapshotNow());
  $("now-cos").textContent = small(drawn.cos[state.selected]);
  $("now-norm").textContent = small(10 ** drawn.log[state.selected]);
  $("now-rank").textContent = `${all} of ${run.m}; ${lane} of ${run.sizes[run.arrays.cluster[state.selected]] || 1} in its lane`;
}
function tellGates() {
  const { run } = state.first;
  const t = snapshotNow();
  let [on, changed] = [0, 0];
  for (let i = 0; i < run.samples; i++) {
    on += isOn(run, state.selected, i, t);
    changed += isOn(run, state.selected, i, t) !== isOn(run, state.selected, i, 0);
  }
  const text = `#${state.selected} is on for ${on} of ${run.samples} inputs (faint: off); ${percent(changed / run.samples)} of its gates differ from the init.`;
  $("gates-words").textContent = text;
  $("inputs").setAttribute("aria-label", text);
}
function listNeurons() {
  const { run } = state.first;
  $("neuron").replaceChildren(...run.byRank.map((j) => {
    const f = facts(run, j);
    return new Option(`${f.late ? "◆ " : ""}${f.final_rank}. #${j}${f.forecast_rank ? ` (forecast ${f.forecast_rank})` : ""}`, j);
  }));
}
function tellForecast() {
  const { run } = state.first;
  const fifth = Math.floor(run.m / 5);
  const { forecast_rank: forecast, final_rank: final } = run.arrays;
  const both = run.byRank.filter((j) => forecast[j] && forecast[j] <= fifth && final[j] <= fifth).length;
  const text = forecast[0] ? `Of the ${fifth} that the forecast puts first, ${both} are among the largest ${fifth} at the end.` : "";
  $("forecast-words").textContent = text;
  $("forecast").setAttribute("aria-label", text || "No forecast for this init.");
}
function describe({ run, race, matrix }) {
  const name = watched(run) ? `layer ${run.name}` : `data set ${run.dataset}, α = ${run.alpha}, ${run.head_name} head, seed ${run.seed}`;
  race.setAttribute("aria-label", `Alignment against norm product of ${run.m} neurons; ${name}. The list of neurons gives the numbers.`);
  matrix.setAttribute("aria-label", `Cosines between the ${run.m} neurons, ordered by lane; ${run.sizes.length} lanes, the largest of ${run.sizes[0] || 0} neurons.`);
  $("loss").setAttribute("aria-label", views().filter(({ run: own }) => hasLoss(own)).map((view) => `${view.run.name}: training loss from ${view.run.loss_curve[0].toPrecision(3)} to ${view.run.loss_curve.at(-1).toPrecision(3)}` +
    (view.run.drop === null ? "" : `; a tenth is lost at step ${view.run.drop}`)).join(". "));
  $("picture").setAttribute("aria-label", "Total weight vector of the neuron as an image, blue positive");
}
