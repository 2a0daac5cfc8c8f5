// Keeps this page at what the service runs now: reloads it when a newer
// save answers, and says so when the last save failed while an older
// one goes on serving. Served and put into pages by hob's dev mode only.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || !script.dataset.hob || window.__hob) return;
  window.__hob = true;

  // A frame of this very site is loaded again together with its top page.
  try {
    if (window.top !== window && window.top.location.origin === location.origin) return;
  } catch { /* the top page is another site's */ }

  const [boot, made] = script.dataset.hob.split(".");
  const generation = Number(made);
  // Only on hob's own error page: which failure it shows.
  const shown = script.dataset.failure;

  let source = null;
  let timer = 0;
  let pause = 250;
  let leaving = false;

  // A page that stays old although it was loaded again (from a service
  // worker, say) must not be loaded for ever.
  function again(target) {
    const mark = `${location.href} ${target}`;
    try {
      if (shown === undefined && sessionStorage.getItem("hob-reload") === mark) return;
      sessionStorage.setItem("hob-reload", mark);
    } catch { /* no storage: reload without the guard */ }
    leaving = true;
    stop();
    location.reload();
  }

  function told(now) {
    const newer = now.boot !== boot || now.generation > generation;
    if (now.state === "open" && (newer || shown !== undefined)) {
      again(`${now.boot}.${now.generation}`);
    } else if (shown !== undefined && now.state === "failed" && now.failure.id !== shown) {
      again(now.failure.id);
    } else if (shown === undefined) {
      badge(now.failure);
    }
  }

  function start() {
    clearTimeout(timer);
    if (source || leaving || document.visibilityState === "hidden") return;
    source = new EventSource("/__hob/events");
    source.onopen = () => { pause = 250; };
    source.onmessage = (event) => told(JSON.parse(event.data));
    source.onerror = () => {
      stop();
      timer = setTimeout(start, pause);
      pause = Math.min(pause * 2, 4000);
    };
  }

  function stop() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
  }

  // Browsers allow six HTTP/1.1 connections per host: only a page that is
  // seen keeps one. On its return it is told the state and catches up.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") stop();
    else start();
  });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);

  let host = null;
  function badge(failure) {
    if (host) host.remove();
    host = null;
    if (!failure) return;
    host = document.createElement("hob-badge");
    host.style.cssText = "all: initial; position: fixed; left: 12px; bottom: 12px; z-index: 2147483647";
    const root = host.attachShadow({ mode: "open" });
    const box = document.createElement("div");
    box.style.cssText = "max-width: min(80ch, calc(100vw - 24px)); border-radius: 6px; overflow: hidden;"
      + " font: 13px/1.5 ui-monospace, monospace; color: #fff; background: #a3262a; box-shadow: 0 2px 12px #0006";
    const title = document.createElement("button");
    title.type = "button";
    title.style.cssText = "all: unset; display: block; padding: 6px 12px; cursor: pointer; font: inherit; color: inherit";
    title.textContent = `save ${failure.generation}: ${failure.title} (an older save serves)`;
    const words = document.createElement("pre");
    words.style.cssText = "margin: 0; padding: 8px 12px; max-height: 50vh; overflow: auto; font: inherit;"
      + " white-space: pre-wrap; background: #1b1b1f; color: #e8e8e8";
    // What stands in backticks is to be typed.
    failure.message.split(/`([^`]*)`/).forEach((part, at) => {
      const piece = document.createElement(at % 2 ? "b" : "span");
      piece.textContent = part;
      words.append(piece);
    });
    words.append(["", ...failure.output].join("\n"));
    words.hidden = true;
    title.onclick = () => { words.hidden = !words.hidden; };
    box.append(title, words);
    root.append(box);
    document.documentElement.append(host);
  }

  start();
})();
