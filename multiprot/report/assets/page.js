"use strict";

(async () => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  Tables.setUp();
  Theme.onChange(() => Plots.redraw());

  const paper = document.documentElement.classList;
  window.addEventListener("beforeprint", () => {
    paper.add("for-print");
    Plots.redraw();
  });
  window.addEventListener("afterprint", () => {
    paper.remove("for-print");
    Plots.redraw();
  });

  // One after the other, so that the page can be read and scrolled meanwhile.
  for (const figure of data.figures) {
    await Plots.addFigure(figure);
    await new Promise((next) => setTimeout(next));
  }
  for (const space of data.spaces) await new SpaceMap(space).start();
  document.documentElement.dataset.ready = "true";
})();
