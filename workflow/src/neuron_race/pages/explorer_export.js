
// --- Export. ---------------------------------------------------------------------------------------

function save(name, blob) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
const fileName = (what, ending) => `${state.first.run.name.replaceAll("/", "_")}_${what}_step${state.first.run.step[snapshotNow()]}.${ending}`;

// A canvas on the page's ground, under a line that says what it is; two beside one another.
function savePicture(what) {
  const drawn = [$(what), state.second && $(`${what}-second`)].filter(Boolean);
  const scale = devicePixelRatio || 1;
  const line = 24 * scale;
  const out = Object.assign(document.createElement("canvas"), {
    width: drawn.reduce((sum, canvas) => sum + canvas.width, 0),
    height: Math.max(...drawn.map((canvas) => canvas.height)) + line,
  });
  const g = out.getContext("2d");
  g.fillStyle = theme.surface;
  g.fillRect(0, 0, out.width, out.height);
  g.fillStyle = theme.ink;
  g.font = `${12 * scale}px system-ui, sans-serif`;
  let left = 0;
  drawn.forEach((canvas, i) => {
    const { run } = views()[i];
    g.fillText(`${run.name}, t = ${plain(timeOf(run, snapshotOf(views()[i])))}`, left + 6 * scale, 16 * scale, canvas.width);
    g.drawImage(canvas, left, line);
    left += canvas.width;
  });
  out.toBlob((blob) => save(fileName(what, "png"), blob));
}

const TABLES = {
  neurons: (run, t) => run.byRank.map((_, j) => ({
    ...rowOf(run, t), ...facts(run, j), forecast: run.arrays.forecast[j], rank: ranksNow(run, j, t).all,
    rank_in_lane: ranksNow(run, j, t).lane, cos_delta_now: run.cos[j * run.T + t], norm_product: normAt(run, j, t),
  })),
  neuron: (run) => run.step.map((_, t) => {
    const j = state.selected;
    const { all, lane } = ranksNow(run, j, t);
    return { ...rowOf(run, t), neuron: j, cos_delta_now: run.cos[j * run.T + t], norm_product: normAt(run, j, t), rank: all, rank_in_lane: lane };
  }),
  loss: (run) => run.step.map((_, t) => ({ ...rowOf(run, t), loss: run.loss_curve[t], ...(!watched(run) && { phase: phaseAt(run, t) }) })),
};
const rowOf = (run, t) => ({ run: run.name, step: run.step[t], t: timeOf(run, t) });
function tableText(what) {
  const rows = views().flatMap((view) => TABLES[what](view.run, snapshotOf(view)));
  const names = Object.keys(rows[0]);
  const cell = (v) => (v === null || Number.isNaN(v) ? "" : String(v));
  return [names, ...rows.map((row) => names.map((name) => cell(row[name])))].map((cells) => cells.join(",")).join("\n") + "\n";
}
