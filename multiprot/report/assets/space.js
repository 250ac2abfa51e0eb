"use strict";

// A map of proteins: layout, colour, search, clusters.
class SpaceMap {
  static OTHER = "other";
  static MISSING = -1;
  static HITS = 8;
  // The eleventh level has the colour of the first, and another shape.
  static SHAPES_OF_LEVELS = [["circle", "●"], ["diamond", "◆"], ["square", "■"]];
  // Up to here points are drawn as shapes, which print sharply and need no WebGL.
  static SHAPES = 3000;

  constructor(data) {
    this.data = data;
    this.section = document.getElementById(data.id);
    this.plot = document.getElementById(`${data.id}-plot`);
    this.lower = data.ids.map((id) => id.toLowerCase());
    this.layout = 0;
    this.column = 0;
    this.hidden = new Set();
    this.cluster = null;
    this.found = null;
    this.type = data.ids.length > SpaceMap.SHAPES && SpaceMap.hasWebGL() ? "scattergl" : "scatter";
    this.listen();
  }

  static hasWebGL() {
    return Boolean(document.createElement("canvas").getContext("webgl"));
  }

  part(role) {
    return this.section.querySelector(`[data-role="${role}"]`);
  }

  listen() {
    const on = (role, event, listener) => this.part(role)?.addEventListener(event, listener);
    on("layout", "change", (event) => { this.layout = Number(event.target.value); this.draw(); });
    on("column", "change", (event) => { this.column = Number(event.target.value); this.hidden.clear(); this.draw(); });
    on("cluster", "change", (event) => this.choose(event.target.value === "" ? null : Number(event.target.value)));
    on("search", "input", () => this.suggest());
    on("search", "keydown", (event) => {
      if (event.key === "Enter") this.find(this.matches(this.part("search").value)[0] ?? null);
      if (event.key === "Escape") { this.part("search").value = ""; this.find(null); }
    });
    for (const button of this.section.querySelectorAll("[data-pick]")) {
      const number = Number(button.dataset.pick);
      button.addEventListener("click", () => this.choose(this.cluster === number ? null : number));
    }
    document.addEventListener("click", (event) => {
      if (!event.target.closest(".search")) this.part("hits").replaceChildren();
    });
  }

  async start() {
    await Plots.add(() => this.draw());
    this.plot.on("plotly_click", (event) => {
      const row = event.points[0].customdata;
      this.choose(this.data.labels && this.data.labels[row] >= 0 ? this.data.labels[row] : null);
      this.tell(row);
    });
  }

  // Groups of points: a trace each. Those without a value lie below the others.
  groups() {
    const column = this.data.columns[this.column];
    const rows = (test) => [...this.data.ids.keys()].filter(test);
    if (column.kind === "number") {
      const missing = rows((row) => column.numbers[row] === null);
      const there = rows((row) => column.numbers[row] !== null);
      return [
        { key: "missing", name: "no value", color: "@line", rows: missing },
        { key: "numbers", name: column.name, color: there.map((row) => column.numbers[row]), rows: there, scale: true },
      ].filter((group) => group.rows.length);
    }
    const members = new Map([[SpaceMap.MISSING, []], [SpaceMap.OTHER, []]]);
    column.levels.slice(0, column.coloured).forEach((_, code) => members.set(code, []));
    column.codes.forEach((code, row) => members.get(code < column.coloured ? code : SpaceMap.OTHER).push(row));
    const looks = (code) => {
      if (code === SpaceMap.MISSING) return { name: "no value", color: "@line" };
      if (code === SpaceMap.OTHER) return { name: `${(column.levels.length - column.coloured).toLocaleString("en")} rarer values`, color: "@muted" };
      const [symbol, sign] = SpaceMap.SHAPES_OF_LEVELS[Math.floor(code / 10) % 3];
      return { name: column.levels[code], color: `@${(code % 10) + 1}`, symbol, sign };
    };
    return [...members].filter(([, rows]) => rows.length).map(([code, rows]) => ({ key: String(code), symbol: "circle", sign: "●", ...looks(code), rows }));
  }

  valueOf(row, column) {
    if (column.kind === "number") return column.numbers[row] === null ? "" : String(column.numbers[row]);
    return column.codes[row] >= 0 ? column.levels[column.codes[row]] : "";
  }

  // "family: kinase", and "cluster 3" where a value says itself what it is.
  facts(row) {
    return this.data.columns
      .map((column) => [column.name, this.valueOf(row, column)])
      .filter(([, value]) => value !== "")
      .map(([name, value]) => (value.startsWith(`${name} `) ? value : `${name}: ${value}`));
  }

  trace(group) {
    const place = this.data.places[this.layout];
    const size = this.data.ids.length > 10000 ? 3 : this.data.ids.length > 1500 ? 5 : 8;
    const marker = { size, symbol: group.symbol, color: group.color, opacity: 0.85, line: { width: 0 } };
    if (group.scale) Object.assign(marker, { colorscale: "Viridis", showscale: true, colorbar: { thickness: 10, len: 0.6, outlinewidth: 0, title: { text: plain(group.name), side: "top" } } });
    const chosen = this.cluster === null ? null : group.rows.flatMap((row, i) => (this.data.labels[row] === this.cluster ? [i] : []));
    return {
      type: this.type, mode: "markers", name: plain(group.name), visible: !this.hidden.has(group.key),
      x: group.rows.map((row) => place.x[row]), y: group.rows.map((row) => place.y[row]),
      customdata: group.rows,
      text: group.rows.map((row) => [`<b>${plain(this.data.ids[row])}</b>`, ...this.facts(row).map(plain)].join("<br>")),
      hovertemplate: "%{text}<extra></extra>",
      marker, selectedpoints: chosen,
      selected: { marker: { opacity: 0.95 } }, unselected: { marker: { opacity: 0.06 } },
    };
  }

  draw() {
    const groups = this.groups();
    const place = this.data.places[this.layout];
    const data = groups.map((group) => this.trace(group));
    const annotations = [];
    if (this.found !== null) {
      const x = place.x[this.found], y = place.y[this.found];
      data.push({ type: this.type, mode: "markers", x: [x], y: [y], hoverinfo: "skip", marker: { size: 20, symbol: "circle-open", color: "@ink", line: { width: 3, color: "@ink" } } });
      annotations.push({ x, y, text: `<b>${plain(this.data.ids[this.found])}</b>`, showarrow: true, arrowcolor: "@ink", ax: 0, ay: -36, bgcolor: "@surface", bordercolor: "@ink", borderpad: 3, font: { color: "@ink" } });
    }
    this.legend(groups);
    const hidden = { showgrid: false, zeroline: false, showticklabels: false, automargin: false };
    return Plots.draw(this.plot, data, {
      annotations, dragmode: "pan", uirevision: `${this.layout}`, clickmode: "event",
      margin: { l: 26, r: 10, t: 30, b: 26 },
      xaxis: { ...hidden, title: { text: `${place.name} 1`, standoff: 4 } }, yaxis: { ...hidden, title: { text: `${place.name} 2`, standoff: 4 } },
    }, { displayModeBar: true, scrollZoom: !Plots.coarse, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
  }

  legend(groups) {
    const last = (group) => Number(!/^\d+$/.test(group.key));
    const items = groups.filter((group) => !group.scale).sort((a, b) => last(a) - last(b)).map((group) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!this.hidden.has(group.key)));
      const swatch = document.createElement("span");
      swatch.className = "sign";
      swatch.textContent = group.sign ?? "●";
      swatch.setAttribute("aria-hidden", "true");
      const name = group.color.slice(1);
      swatch.style.color = /^\d+$/.test(name) ? `var(--series-${name})` : `var(--${name})`;
      button.append(swatch, `${group.name} (${group.rows.length.toLocaleString("en")})`);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(group.key)) this.hidden.add(group.key);
        this.draw();
      });
      item.append(button);
      return item;
    });
    this.part("legend").replaceChildren(...items);
  }

  // Rows whose id is, begins with or holds the text, in this order.
  matches(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    const rank = (id) => (id === wanted ? 0 : id.startsWith(wanted) ? 1 : id.includes(wanted) ? 2 : 3);
    return this.lower.map((id, row) => [rank(id), row]).filter(([r]) => r < 3).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, row]) => row);
  }

  suggest() {
    const text = this.part("search").value;
    const rows = this.matches(text);
    const items = rows.slice(0, SpaceMap.HITS).map((row) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = this.data.ids[row];
      button.addEventListener("click", () => this.find(row));
      item.append(button);
      return item;
    });
    if (text.trim() && rows.length !== items.length || text.trim() && !rows.length) {
      const more = document.createElement("li");
      more.className = "more";
      more.textContent = rows.length ? `${(rows.length - items.length).toLocaleString("en")} more` : "no such protein among the points";
      items.push(more);
    }
    this.part("hits").replaceChildren(...items);
    if (!text.trim() && this.found !== null) this.find(null);
  }

  find(row) {
    const text = this.part("search").value.trim();
    this.found = row;
    this.part("hits").replaceChildren();
    if (row === null) {
      this.part("status").textContent = text ? `${text}: no such protein among the points.` : "";
    } else {
      this.part("search").value = this.data.ids[row];
      this.tell(row);
    }
    return this.draw();
  }

  tell(row) {
    this.part("status").textContent = [this.data.ids[row], ...this.facts(row)].join("; ");
  }

  choose(cluster) {
    this.cluster = cluster;
    const select = this.part("cluster");
    if (select) select.value = cluster === null ? "" : String(cluster);
    for (const row of this.section.querySelectorAll("tr[data-cluster]")) {
      row.classList.toggle("chosen", Number(row.dataset.cluster) === cluster);
    }
    let shown = 0;
    for (const row of this.section.querySelectorAll("tr[data-term-of]")) {
      row.hidden = cluster !== null && Number(row.dataset.termOf) !== cluster;
      shown += !row.hidden;
    }
    const of = this.part("terms-of");
    if (of) {
      of.textContent = cluster === null ? "of all clusters" : `of cluster ${cluster + 1}`;
      this.part("no-terms").hidden = shown > 0;
    }
    return this.draw();
  }
}
