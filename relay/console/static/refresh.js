// Brings the live part of a page up to date. Everything works without it.
"use strict";

const live = document.querySelector("[data-refresh]");

async function refresh() {
  if (document.hidden || live.contains(document.activeElement)) return;
  try {
    // A script is nobody who works: the header says so, and the session goes on getting older.
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    live.replaceChildren(...page.querySelector("[data-refresh]").childNodes);
    delete live.dataset.stale;
  } catch {
    live.dataset.stale = "";
  }
}

if (live) setInterval(refresh, Number(live.dataset.refresh) * 1000);
