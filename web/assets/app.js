// Keeps an open page up to date. Everything else works without it.
"use strict";

// The event stream dispatches its named events on the body; a detail holds one line of JSON.
const told = (event) => {
  try {
    return JSON.parse(event.detail?.data ?? "");
  } catch {
    return null;
  }
};

const two = (n) => String(n).padStart(2, "0");

document.addEventListener("tick", (event) => {
  const data = told(event);
  if (!data) return;
  const now = new Date(data.grid_ms);
  for (const clock of document.querySelectorAll("[data-clock]")) {
    clock.textContent = `${two(now.getUTCHours())}:${two(now.getUTCMinutes())}`;
  }
  for (const bar of document.querySelectorAll("progress[data-interval]")) {
    const length = Number(bar.dataset.interval);
    const passed = Math.floor(data.grid_ms / 1000) % length;
    bar.value = passed;
    const left = bar.parentElement.querySelector("[data-left]");
    if (left) left.textContent = `${Math.floor((length - passed) / 60)} min ${two((length - passed) % 60)} s`;
  }
});

const power = (watts) => {
  const size = Math.abs(watts);
  const text = size < 1000 ? `${size}\u00a0W` : `${(size / 1000).toFixed(1)}\u00a0kW`;
  return `${size <= 50 ? "" : watts < 0 ? "↑ " : "↓ "}${text}`;
};

document.addEventListener("reading", (event) => {
  const data = told(event);
  if (!data || data.power_w === undefined) return;
  for (const label of document.querySelectorAll(`.house[data-home="${Number(data.home)}"] .power`)) {
    label.textContent = power(data.power_w);
  }
});

// A house under the pointer, or with the focus, shows its own ribbons alone.
const highlight = (event) => {
  const house = event.target.closest?.(".house-link");
  for (const picture of document.querySelectorAll("svg.street")) {
    const inside = house && picture.contains(house);
    picture.classList.toggle("picked", Boolean(inside));
    const home = inside ? house.querySelector(".house").dataset.home : null;
    for (const flow of picture.querySelectorAll(".flow")) {
      flow.classList.toggle("of-picked", home !== null && (flow.dataset.from === home || flow.dataset.to === home));
    }
  }
};
document.addEventListener("pointerover", highlight);
document.addEventListener("focusin", highlight);

// What somebody has opened stays open when a part of the page is renewed.
const opened = new Map();
document.addEventListener("toggle", (event) => {
  if (event.target.id) opened.set(event.target.id, event.target.open);
}, true);
document.addEventListener("htmx:after:swap", () => {
  for (const [id, open] of opened) {
    const details = document.getElementById(id);
    if (details && details.open !== open) details.open = open;
  }
});
