// Everything here only shortens the way: each page works without it.

const text = (id) => document.getElementById(id);
const isTyping = (el) => el.closest("input, textarea, select, [contenteditable], dialog[open]") !== null;
const keysOn = document.documentElement.dataset.keys === "on";

function say(words) {
  const region = text("says");
  if (region) region.textContent = words;
}

// Copy: the buttons stay hidden where nothing could be copied.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".copy");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    say("Copied");
  });
}

// Rows: j and k walk, Enter opens. The focus is on the row's own link, so it is never lost and always seen.
const links = () => [...document.querySelectorAll("table[data-rows] tbody tr [data-open]")];

function walk(step) {
  const all = links();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
  next.focus();
  next.closest("tr").scrollIntoView({ block: "nearest" });
}

document.addEventListener("focusin", (event) => {
  for (const row of document.querySelectorAll("tr.at")) row.classList.remove("at");
  if (event.target.matches?.("[data-open]")) event.target.closest("tr")?.classList.add("at");
});

// A drawer that opens takes the focus to its reason.
for (const drawer of document.querySelectorAll(".decide details")) {
  drawer.addEventListener("toggle", () => {
    if (drawer.open) drawer.querySelector("select, button")?.focus({ preventScroll: true });
  });
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target;
  if (event.key === "Escape") {
    const open = document.querySelector(".decide details[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    } else if (target.id === "search") target.blur();
    return;
  }
  if (!keysOn || !(target instanceof Element) || isTyping(target)) return;
  const drawer = document.querySelector(`.decide summary[data-key="${CSS.escape(event.key)}"]`);
  if (event.key === "/") text("search")?.focus();
  else if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else if (event.key === "r" && document.querySelector("[data-reload]")) location.reload();
  else if (event.key === "?") text("keys")?.showModal();
  else if (drawer) drawer.parentElement.open = true;
  else return;
  event.preventDefault();
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id === "news") say(event.detail.target.textContent.trim());
});
// What htmx may not show by itself: a refusal is shown as the page it is.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
  else say("That did not work. Reload the page and try again.");
});
