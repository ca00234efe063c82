// Draws the panels of a page: colours by role and theme, linked axes, sortable tables, a print that fits.
"use strict";

const ROLES = {
  light: {"bit-true": "#1f4e9c", float: "#c86a00", circuit: "#12805a", device: "#b0307a", measured: "#6b4ba0",
          other: "#5a6470", guide: "#7a828c", ink: "#1c2430", grid: "#e3e7eb", region: "#eceff2", bad: "#a8222b"},
  dark: {"bit-true": "#8db4f2", float: "#f2a654", circuit: "#58c79a", device: "#ef86c0", measured: "#b9a0ee",
         other: "#a7b1bc", guide: "#8b949e", ink: "#e6eaee", grid: "#2e363f", region: "#232a32", bad: "#ff8a8a"},
};
const darkness = window.matchMedia("(prefers-color-scheme: dark)");
let printing = false;

function colours() { return ROLES[darkness.matches && !printing ? "dark" : "light"]; }

function dressed(figure) {
  const c = colours();
  const data = figure.data.map((trace) => {
    const {role, kind} = trace.meta, colour = c[role] || c.other, made = {...trace};
    if (trace.type === "heatmap") return {...made, colorscale: darkness.matches && !printing ? "Cividis" : "Blues"};
    if (trace.type === "bar") return {...made, marker: {color: colour, opacity: 0.85}};
    const wide = role === "float" && kind === "line";
    made.line = {color: colour, width: kind === "area" ? 1 : wide ? 4 : 1.5};
    made.marker = kind === "spikes" ? {color: colour, symbol: "line-ns-open", size: 6} : {color: colour, size: 5};
    if (wide) made.opacity = 0.6;
    return made;
  });
  const l = figure.layout;
  const axis = (a) => ({...a, color: c.ink, gridcolor: c.grid, zerolinecolor: c.grid, automargin: true,
                        exponentformat: "SI", title: {...a.title, standoff: 6}});
  const layout = {...l, xaxis: axis(l.xaxis), yaxis: axis(l.yaxis),
    title: {...l.title, font: {size: 14, color: l.meta.bad ? c.bad : c.ink}, x: 0, xref: "paper", y: 0.99, yanchor: "top"},
    shapes: l.shapes.map((s) => s.name === "region"
      ? {...s, fillcolor: c.region, line: {width: 0}, label: {...s.label, font: {color: c.ink, size: 11}}}
      : {...s, line: {color: c.guide, width: 1, dash: "dash"}, label: {...s.label, font: {color: c.ink, size: 11}}}),
    annotations: l.annotations.map((a) => ({...a, font: {color: c.ink, size: 12}})),
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: {color: c.ink, size: 12},
    margin: {l: 10, r: 14, t: l.title.text ? 50 : 28, b: 10}, hovermode: "closest", bargap: 0.05,
    legend: {orientation: "h", x: 0, y: 1, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)"},
    hoverlabel: {bgcolor: darkness.matches && !printing ? "#2b333c" : "#ffffff", font: {color: c.ink}}};
  return {data, layout};
}

const CONFIG = {responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
                toImageButtonOptions: {format: "svg"}};

function draw(div, figure) {
  div.neuristor = figure;
  const {data, layout} = dressed(figure);
  // A zoom of the reader stays while the numbers change.
  layout.uirevision = "kept";
  return Plotly.react(div, data, layout, CONFIG);
}

function link(divs) {
  let busy = false;
  for (const div of divs) {
    div.on("plotly_relayout", (change) => {
      if (busy) return;
      const range = "xaxis.range[0]" in change ? {"xaxis.range": [change["xaxis.range[0]"], change["xaxis.range[1]"]]}
        : change["xaxis.autorange"] ? {"xaxis.autorange": true} : null;
      if (!range) return;
      busy = true;
      Promise.all(divs.filter((d) => d !== div).map((d) => Plotly.relayout(d, range))).then(() => { busy = false; });
    });
  }
}

function redraw() {
  for (const div of document.querySelectorAll(".plot")) if (div.neuristor) draw(div, div.neuristor);
}

function sortable(table) {
  for (const [column, head] of [...table.querySelectorAll("thead th")].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)], [p, q] = [parseFloat(x), parseFloat(y)];
        return (isNaN(p) || isNaN(q) ? x.localeCompare(y) : p - q) * (up ? 1 : -1);
      };
      body.append(...[...body.rows].sort(order));
    });
  }
}

window.addEventListener("DOMContentLoaded", () => {
  const waiting = [];
  for (const picture of document.querySelectorAll("figure.picture")) {
    const divs = [...picture.querySelectorAll(".plot")].filter((div) => div.querySelector("script"));
    const drawn = divs.map((div) => {
      const script = div.querySelector("script"), figure = JSON.parse(script.textContent);
      script.remove();
      return draw(div, figure);
    });
    if (picture.dataset.linked === "yes") Promise.all(drawn).then(() => link(divs));
    waiting.push(...drawn);
  }
  // The time of a run is one axis on the whole page.
  const timed = [...document.querySelectorAll('figure[data-linked="no"] .plot[data-axis="emulated time"]')];
  Promise.all(waiting).then(() => link(timed));
  for (const table of document.querySelectorAll("table.sortable")) sortable(table);
});
darkness.addEventListener("change", redraw);
// On paper: light colours, the width of the page, explanations open.
window.addEventListener("beforeprint", () => {
  printing = true;
  for (const each of document.querySelectorAll("details")) { each.dataset.was = each.open; each.open = true; }
  redraw();
});
window.addEventListener("afterprint", () => {
  printing = false;
  for (const each of document.querySelectorAll("details")) each.open = each.dataset.was === "true";
  redraw();
});
