// Channels are put into another order by dragging. Without it the buttons do the same.
(() => {
  "use strict";

  function order(list) {
    let dragged = null;
    const items = () => [...list.querySelectorAll(":scope > li")];
    function put(place) {
      const form = document.createElement("form");
      form.method = "post";
      form.action = `${list.dataset.order}/${dragged.dataset.channel}/move`;
      for (const [name, value] of [["csrf_token", list.dataset.token], ["place", place]]) {
        const field = document.createElement("input");
        [field.type, field.name, field.value] = ["hidden", name, value];
        form.append(field);
      }
      document.body.append(form);
      form.requestSubmit();
    }
    list.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("li");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", dragged.dataset.channel);
      event.dataTransfer.setDragImage(dragged, 0, 0);
    });
    function follow(event) {
      const over = event.target.closest("li");
      if (!dragged || !over) return false;
      event.preventDefault();
      if (over === dragged) return true;
      const { top, height } = over.getBoundingClientRect();
      over[event.clientY < top + height / 2 ? "before" : "after"](dragged);
      return true;
    }
    list.addEventListener("dragover", follow);
    list.addEventListener("drop", (event) => { if (follow(event)) put(items().indexOf(dragged) + 1); });
    list.addEventListener("dragend", () => { dragged = null; });
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-order]").forEach(order));
})();
