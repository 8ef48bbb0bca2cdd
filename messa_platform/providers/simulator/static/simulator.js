// Keeps the page fresh: asks every two seconds whether anything happened and draws the middle of the page anew if so.
// Everything works without it.
"use strict";

const PAUSE_MS = 2000;
const news = document.getElementById("news");
let live = document.getElementById("live");

function isWriting() {
  const fields = Array.from(live.querySelectorAll("textarea, input:not([type=hidden])"));
  return fields.some(
    (field) => field === document.activeElement || field.value !== field.defaultValue || "draft" in field.dataset,
  );
}

function openParts() {
  return new Set(Array.from(live.querySelectorAll("details[open]"), (part) => part.dataset.keep));
}

async function redraw() {
  const answer = await fetch(live.dataset.address, { cache: "no-store" });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
  if (!answer.ok || !fresh || isWriting()) return;
  const open = openParts();
  fresh.querySelectorAll("details").forEach((part) => { part.open = open.has(part.dataset.keep); });
  live.replaceWith(fresh);
  live = fresh;
  news.textContent = "";
}

async function look() {
  try {
    const answer = await fetch("/simulator/version", { cache: "no-store" });
    const { version } = await answer.json();
    if (String(version) !== live.dataset.version) {
      if (isWriting()) {
        news.textContent = news.dataset.waiting;
      } else {
        await redraw();
      }
    }
  } catch {
    // The simulator is down; the next look may find it up again.
  }
  window.setTimeout(look, PAUSE_MS);
}

window.setTimeout(look, PAUSE_MS);
