/* The live part on the page: controls, work between frames, and words around what is computed. */
"use strict";
const playground = (() => {
  const SLICE = 10;     // milliseconds of work between two frames
  const REDRAWN = 80;   // milliseconds between two pictures, lest drawing take half of the time
  const KEPT = 150;     // moments of a course, about
  const root = document.getElementById("live");
  const packed = JSON.parse(document.getElementById("live-data").textContent), { study } = packed;
  const tasks = Object.fromEntries(
    Object.entries(packed.tasks).map(([k, v]) => [k, networks.task(v)]));
  const field = name => root.querySelector(`[name="${name}"]`);
  const { number, power } = plots;
  let run = null;      // what is drawn: settings, arms, and a column of the table for each
  let current = 0;     // number of the run in work; older ones stop
  let pieces = [];     // milliseconds of each piece of work between two frames of this run

  // --- Settings -------------------------------------------------------------------------------

  function settings() {
    const options = { ...study?.options };
    for (const { name, log, options: more } of packed.controls) {
      const { value } = field(name);
      options[name] = more ? value : log ? 10 ** Number(value) : Number(value);
      Object.assign(options, more?.[value]);
    }
    // Large inits have large curvature, and need smaller steps.
    if (study) return options.gain >= study.large.from ? { ...options, ...study.large } : options;
    const small = options.alpha < 0.1;
    return { ...options, rate: small ? 0.25 : 0.05, budget: small ? 600 : 800 };
  }

  function tellSettings() {
    for (const { name, log, options: more } of packed.controls) {
      const value = Number(field(name).value);
      if (!more) root.querySelector(`[data-of="${name}"]`).textContent = log ? power(10 ** value) : value;
    }
  }

  // --- What is trained: one network and its laws, or the arms of a study ------------------------

  function arm(steps, more) { return { steps, n: [], time: [], loss: [], aligned: [], c: [], last: null, ...more }; }

  /** Keep some moments of a course. */
  function record(into, seen, initial) {
    if (seen.n % Math.ceil(into.steps / KEPT) && seen.n < into.steps) return;
    into.n.push(seen.n);
    into.time.push(seen.time);
    into.loss.push(seen.loss / initial);
    into.aligned.push(live.mean(seen.cos, seen.c));
    into.c.push(seen.c);
  }

  const laws = {
    begin(options) {
      const data = tasks[options.task], zero = live.loss(data, new Float64Array(data.N));
      say(`Trains ${options.width} neurons, ${options.head} head, init scale ${power(options.alpha)}.`);
      return live.experiment(data, options, packed.rows.map(row => row.name), {
        predicted(said) {
          run.said = run.columns[0] = said;
          run.arms = [arm(said.steps)];
          table();
        },
        step(seen) {
          if (seen.n === run.said.early) run.colour = seen.cos;
          record(run.arms[0], seen, zero);
        },
        measured(found, c) {
          run.columns[1] = found;
          run.arms[0].last = c;
          table();
        },
      });
    },
    words() {
      const [said, found] = run.columns, parts = packed.rows.map(row =>
        `${row.title}: predicted ${number(said[row.name])}, measured ${number(found[row.name])}.`);
      return `Trained for ${said.steps} steps. ${parts.join(" ")}`;
    },
    draw() {
      const { arms: [own], said, options, colour } = run;
      const axis = { from: 0, to: said.steps * options.rate, title: "time t = rate × step" };
      plots.curves("loss", [own], "loss", "time", axis, said.drop);
      plots.course("course", own, "time", axis, colour);
      plots.forecast("forecast", own, said.c, colour);
    },
  };

  const compared = {
    begin(options) {
      const data = networks.first(tasks[study.task], study.samples);
      return arms.experiment(data, options, study.arms.map(own => own.options), {
        begun(k, more) {
          run.arms[k] = arm(more.steps, more);
          say(`Trains ${study.arms[k].title}: ${more.steps} steps.`);
        },
        step(k, seen) {
          run.arms[k].initial ??= seen.loss;
          record(run.arms[k], seen, run.arms[k].initial);
        },
        measured(k, found, c) {
          run.columns[k] = found;
          run.arms[k].last = c;
          table();
        },
      });
    },
    words() {
      const { name, title } = packed.rows[0];
      const parts = study.arms.map((own, k) => `${own.title} ${number(run.columns[k][name])}`);
      return `All are trained. Of each, the ${title}: ${parts.join(", ")}.`;
    },
    draw() {
      const list = run.arms, own = list[field("focus")?.value || list.length - 1] || list.at(-1);
      const lengths = list.map(a => a.steps);
      // One that trains much longer would press the others to the left.
      const log = Math.max(...lengths) > 3 * Math.min(...lengths);
      const steps = { from: log ? 1 : 0, to: Math.max(...lengths), log, title: "step" };
      const clock = { from: 0, to: list[0].time.at(-1) || 1, title: "time t = sum of rates" };
      const said = plots.ranks(own.forecast, own.layer);
      const drawn = {
        steps: () => plots.curves("steps", list, "loss", "n", steps),
        clock: () => plots.curves("clock", list, "loss", "time", clock),
        aligned: () => plots.curves("aligned", list, "aligned", "n", steps),
        course: () => plots.course("course", own, "n", { from: 0, to: own.steps, title: "step" },
          said.some(Number.isNaN) ? null : said.map(rank => 2 * rank - 1)),
        order: () => plots.order("order", list, a => plots.ranks(a.forecast, a.layer), "forecast rank"),
        twins: () => plots.order("twins", list,
          (_, k) => (k ? plots.ranks(list[0].last, list[0].layer) : null), "rank in the first"),
      };
      for (const name of study.plots) drawn[name]();
    },
  };

  // --- Work between frames --------------------------------------------------------------------

  const view = study ? compared : laws;

  function begin() {
    const mine = ++current, options = settings();
    tellSettings();
    run = { options, arms: [], columns: [], said: null, colour: null };
    root.dataset.state = "running";
    pieces = [];
    table();
    const work = view.begin(options);
    let drawn = 0;
    function frame() {
      if (mine !== current) return;
      const start = performance.now();
      let piece;
      do piece = work.next();
      while (!piece.done && performance.now() - start < SLICE);
      if (piece.done || start - drawn > REDRAWN) {
        draw();
        drawn = start;
      }
      pieces.push(performance.now() - start);
      if (!piece.done) { requestAnimationFrame(frame); return; }
      root.dataset.state = "done";
      say(view.words());
    }
    requestAnimationFrame(frame);
  }

  function draw() { if (run.arms.length) view.draw(); }

  function table() {
    for (const { name } of packed.rows)
      root.querySelectorAll(`tr[data-name="${name}"] td`).forEach((cell, k) => {
        cell.textContent = run.columns[k] ? number(run.columns[k][name]) : "…";
      });
  }

  function say(text) { root.querySelector("[role=status]").textContent = text; }

  // --- Start ----------------------------------------------------------------------------------

  root.querySelector("form").addEventListener("submit", event => { event.preventDefault(); begin(); });
  for (const { name } of packed.controls) {
    field(name).addEventListener("input", tellSettings);
    field(name).addEventListener("change", begin);
  }
  field("focus")?.addEventListener("change", draw);
  window.addEventListener("resize", draw);
  for (const query of ["print", "(prefers-color-scheme: dark)"])
    window.matchMedia(query).addEventListener("change", draw);
  root.hidden = false;
  begin();
  return { run: () => run, settings, tasks, pieces: () => pieces };
})();
