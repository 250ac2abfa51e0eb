"use strict";

// Colours of the page for plots: a figure says "@ink" or "@3", and gets what the style sheet has now.
const Theme = (() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function named(name) {
    const variable = /^\d+$/.test(name) ? `--series-${name}` : `--${name}`;
    return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  }

  // Only values of keys that are colours: a protein may be called "@ink".
  function coloured(value, key = "") {
    if (typeof value === "string") {
      return key.endsWith("color") && value.startsWith("@") ? named(value.slice(1)) : value;
    }
    if (Array.isArray(value)) return key.endsWith("color") ? value.map((v) => coloured(v, key)) : value.map((v) => coloured(v));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, k)]));
    }
    return value;
  }

  const onChange = (listener) => dark.addEventListener("change", listener);
  return { coloured, onChange };
})();

// Plotly takes some tags for markup; ids and names are shown letter by letter.
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
