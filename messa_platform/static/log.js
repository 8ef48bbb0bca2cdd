// What may be meant in a field of the log's search, while it is being written. Without it, what is written is looked for all the same.
(() => {
  "use strict";

  // The server is sent the form's fields, and gives values with how they are shown.
  function choices(field) {
    let timer = 0, last;
    async function ask() {
      const query = last = new URLSearchParams(new FormData(field.form));
      query.set("field", field.name);
      try {
        const answer = await fetch(`${field.dataset.choices}?${query}`, { headers: { "X-Messa-Live": "1" }, redirect: "manual" });
        if (!answer.ok || query !== last) return;
        field.list.replaceChildren(...(await answer.json()).choices.map(([value, words]) => new Option(words, value)));
      } catch { /* the next letter asks again */ }
    }
    field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 200); });
    field.addEventListener("focus", ask);
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-choices]").forEach(choices));
})();
