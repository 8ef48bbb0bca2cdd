// Nothing here is needed to read or to send. How pages use it: docs/design.md.
(() => {
  "use strict";
  const doc = document, root = doc.documentElement, LIVE = { "X-Messa-Live": "1" };
  const byId = (id) => doc.getElementById(id), all = (what, from = doc) => [...from.querySelectorAll(what)];
  const on = (what, act, to = doc) => to.addEventListener(what, act);

  // throws in a browser that keeps nothing
  const kept = () => { try { return localStorage.messaTheme || ""; } catch { return ""; } };
  const dress = (theme) => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; };
  root.classList.add("js");
  dress(kept());

  // Makes `old` what `fresh` is; what is the same is left alone, and so are scrolling, opened details and typed text.
  function morph(old, fresh) {
    const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const same = next.id ? named.get(next.id) : at;
      if (!same || same.nodeName !== next.nodeName || (same.id || "") !== (next.id || "")) {
        old.insertBefore(next, at);
        continue;
      }
      if (same === at) at = at.nextSibling;
      else old.insertBefore(same, at);
      if (same.isEqualNode(next)) continue;
      if (!next.attributes) { same.nodeValue = next.nodeValue; continue; }
      for (const { name } of [...same.attributes]) if (name !== "open" && !next.hasAttribute(name)) same.removeAttribute(name);
      for (const { name, value } of next.attributes) if (same.getAttribute(name) !== value) same.setAttribute(name, value);
      morph(same, next);
    }
    for (let next; at; at = next) { next = at.nextSibling; at.remove(); }
  }

  function swap(box, html) {
    const focused = doc.activeElement, known = all("[data-announce]", box);
    const fresh = doc.createElement("template");
    fresh.innerHTML = html;
    morph(box, fresh.content);
    if (focused !== doc.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    const news = all("[data-announce]", box).filter((said) => !known.includes(said));
    const list = box.querySelector("[data-waiting]"), n = list?.dataset.waiting;
    if (list) doc.title = (n ? `(${n}) ` : "") + doc.title.replace(/^(\w+: )?\([\d\s,.]+\) /, "$1");
    if (news.length) byId("said").textContent = news.map((said) => said.dataset.announce).join(" ");
  }

  function tell(notice, holds) {
    const place = byId("live-notices"), says = place.dataset;
    if (holds === (says.says === notice)) return;
    place.replaceChildren(holds ? byId(notice).content.cloneNode(true) : "");
    says.says = holds ? notice : "";
  }

  // Asks for news: often at first (a text was just sent), rarely unseen.
  function live(boxes) {
    const eager = Date.now() + 8000;
    const etags = new Map(boxes.map((box) => [box, box.dataset.etag || ""]));
    let failures = 0, timer = 0, asking = false, ended = false;
    async function news(box) {
      const answer = await fetch(box.dataset.live, { headers: { ...LIVE, "If-None-Match": etags.get(box) }, redirect: "manual" });
      ended = !answer.status || answer.status === 401 || answer.status === 403;
      if (answer.status === 200) {
        swap(box, await answer.text());
        etags.set(box, answer.headers.get("ETag") || "");
        return true;
      }
      if (!ended && answer.status !== 304) throw answer;
    }
    async function ask() {
      clearTimeout(timer);
      if (asking || ended) return;
      asking = true;
      try {
        // ETags are times: quiet since the oldest, quiet since all
        for (const box of boxes.sort((a, b) => (etags.get(a) < etags.get(b) ? -1 : 1))) if (!(await news(box))) break;
        failures = 0;
      } catch {
        failures += 1;
      }
      asking = false;
      if (ended) return tell("signed-out", true);
      tell("out-of-reach", failures > 2);
      wait();
    }
    function wait() {
      const calm = doc.hidden ? 10000 : Date.now() < eager ? 800 : 2500;
      timer = setTimeout(ask, failures ? Math.min(60000, 2500 * 2 ** failures) : calm);
    }
    on("visibilitychange", () => { if (!doc.hidden) ask(); });
    wait();
  }

  // The server knows how texts are divided: it is sent the form's, and its answer is shown as it is.
  function count(area) {
    let timer = 0, last;
    async function ask() {
      const body = last = new URLSearchParams([...new FormData(area.form)].filter(([, value]) => value.trim));
      try {
        const answer = await fetch(area.dataset.count, { method: "POST", body, headers: LIVE, redirect: "manual" });
        if (answer.ok && body === last) byId(area.dataset.countInto).innerHTML = await answer.text();
      } catch { /* the next letter asks again */ }
    }
    on("input", () => { clearTimeout(timer); timer = setTimeout(ask, 250); }, area.form);
    if (area.value) ask();
  }

  const again = (form) => {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  };
  const flip = (button) => {
    const { firstChild: words, dataset } = button;
    [words.nodeValue, dataset.other] = [dataset.other, words.nodeValue];
  };

  on("submit", (event) => {
    const form = event.target, by = event.submitter;
    if (form.method !== "post") return;
    if (form.dataset.sent || (by?.dataset.confirm && !confirm(by.dataset.confirm))) return event.preventDefault();
    form.dataset.sent = "1";
    by?.setAttribute("aria-disabled", "true");
    setTimeout(again, 10000, form);
  });
  on("click", async ({ target }) => {
    const button = target.closest("[data-copy], [data-reveal], [data-print]");
    if (!button) return;
    if ("print" in button.dataset) return print();
    if (button.dataset.reveal) {
      const field = byId(button.dataset.reveal);
      field.type = field.type === "password" ? "text" : "password";
      return flip(button);
    }
    const from = byId(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(from.innerText.trim());
      byId("said").textContent = button.dataset.other;
      flip(button);
      setTimeout(flip, 2000, button);
    } catch {
      getSelection().selectAllChildren(from);
    }
  });
  on("keydown", ({ key, ctrlKey, metaKey, target: { form, nodeName } }) => {
    if (key === "Enter" && (ctrlKey || metaKey) && nodeName === "TEXTAREA") form?.requestSubmit(form.querySelector("button:not([type=button])"));
  });
  on("pageshow", () => all("form[data-sent]").forEach(again), window);
  // where an address names a place, browsers go there and leave this out
  on("load", () => { if (location.hash) doc.querySelector("[autofocus]")?.focus(); }, window);
  on("DOMContentLoaded", () => {
    const boxes = all("[data-live]");
    if (boxes.length) live(boxes);
    all("textarea[data-count]").forEach(count);
    for (const choice of all("[data-theme-choice]")) {
      choice.value = kept();
      choice.onchange = () => {
        dress(choice.value);
        try { localStorage.messaTheme = choice.value; } catch { /* for this page alone */ }
      };
    }
  });
})();
