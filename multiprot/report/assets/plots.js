"use strict";

const Plots = (() => {
  const drawers = [];
  const NARROW = 480;
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";
  const coarse = window.matchMedia("(pointer: coarse)").matches;
  const axis = { gridcolor: "@line", linecolor: "@line", zerolinecolor: "@line", automargin: true, title: { standoff: 8 } };
  const base = {
    font: { family: FONT, size: 12, color: "@ink" },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 46, r: 10, t: 8, b: 34 },
    hoverlabel: { bgcolor: "@surface", bordercolor: "@line", font: { family: FONT, color: "@ink", size: 13 }, align: "left" },
    hovermode: "closest",
    showlegend: false,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "@muted", activecolor: "@accent" },
    // A finger that scrolls the page must not zoom.
    dragmode: coarse ? false : "zoom",
  };
  const polar = { bgcolor: "rgba(0,0,0,0)", radialaxis: { gridcolor: "@line", linecolor: "@line" }, angularaxis: { gridcolor: "@line", linecolor: "@line" } };

  function merged(first, second) {
    const both = { ...first };
    for (const [key, value] of Object.entries(second)) {
      const deep = value && typeof value === "object" && !Array.isArray(value) && first[key] && typeof first[key] === "object";
      both[key] = deep ? merged(first[key], value) : value;
    }
    return both;
  }

  function layoutOf(own) {
    let layout = merged(base, "polar" in own ? { ...own, polar: merged(polar, own.polar) } : own);
    for (const name of ["xaxis", "yaxis", "yaxis2"]) {
      if (name !== "yaxis2" || own.yaxis2) layout[name] = merged(axis, own[name] || {});
    }
    return layout;
  }

  // On paper there is no window to fill: two small plots stand side by side on A4.
  function sizeOf(element) {
    if (!document.documentElement.classList.contains("for-print")) return { autosize: true };
    const height = element.classList.contains("map") ? 480 : element.clientHeight;
    return { width: element.closest(".wide") ? 648 : 310, height, autosize: false };
  }

  function draw(element, data, layout, config = {}) {
    const size = sizeOf(element);
    // plotly.js has a button that uploads a plot: nothing on this page leaves it.
    const alone = { showSendToCloud: false, plotlyServerURL: "", displaylogo: false };
    const all = { responsive: true, displayModeBar: false, ...alone, ...config };
    return Plotly.react(element, Theme.coloured(data), Theme.coloured({ ...layoutOf(layout), ...size }), all);
  }

  function add(drawer) {
    drawers.push(drawer);
    return drawer();
  }

  const redraw = () => Promise.all(drawers.map((drawer) => drawer()));

  function addFigure(figure) {
    const element = document.getElementById(figure.id);
    const narrow = () => (element.clientWidth < NARROW ? merged(figure.layout, figure.narrow) : figure.layout);
    return add(() => draw(element, figure.data, narrow()));
  }

  return { add, addFigure, draw, redraw, coarse };
})();
