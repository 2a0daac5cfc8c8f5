// Asks both services and shows what they say. Where they are is told by the
// server of this page: /.hob/env.json holds its NAME_URL variables.

const PATIENCE = 5000; // milliseconds until a service counts as away
const PAUSE = 1000; // milliseconds between two questions
const UNKNOWN = "–"; // shown until there is an answer

/** Rows of each service's card: the label and how to read it from the answer. */
const SERVICES = {
  goapi: {
    host: (said) => said.host,
    vnextapi: ({ vnextapi }) => (vnextapi.reachable ? `says “${vnextapi.said.message}”` : `is away: ${vnextapi.reason}`),
  },
  vnextapi: {
    runtime: (said) => said.runtime,
    time: (said) => new Date(said.time).toLocaleTimeString(),
  },
};

/** Where the services are, by variable name. */
async function addresses() {
  const response = await fetch(".hob/env.json", { cache: "no-store" });
  if (!response.ok) {
    throw new Error(`the server of this page answered ${response.status} for .hob/env.json`);
  }
  return response.json();
}

/** One question. Throws an Error that says why there is no answer. */
async function ask(url) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? `no answer within ${PATIENCE / 1000} s` : "it gives no answer");
  }
  if (!response.ok) {
    throw new Error(`it answered ${response.status}`);
  }
  return { generation: response.headers.get("hob-generation"), said: await response.json() };
}

/** Sets a text only if it differs, so that screen readers hear changes alone. */
function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function card(name) {
  const section = document.getElementById("service").content.cloneNode(true).querySelector("section");
  const title = section.querySelector("h2");
  title.id = `service-${name}`;
  title.textContent = name;
  section.id = name;
  section.setAttribute("aria-labelledby", title.id);
  for (const label of Object.keys(SERVICES[name])) {
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = label;
    value.textContent = UNKNOWN;
    section.querySelector("dl").append(term, value);
  }
  section.querySelector("output").textContent = UNKNOWN;
  show(section, "waiting", "asking…");
  return section;
}

/** The card's state, and the message that goes with it. */
function show(section, state, message) {
  section.dataset.state = state;
  say(section.querySelector(".state"), state);
  say(section.querySelector(".message"), message);
}

function showAnswer(section, name, { generation, said }) {
  show(section, "answers", said.message);
  say(section.querySelector("output"), generation ?? "none");
  section.querySelectorAll("dd").forEach((value, row) => say(value, Object.values(SERVICES[name])[row](said)));
}

/** Keeps the last answer's rows in sight, dimmed, while the service is away. */
function showAway(section, reason) {
  show(section, "away", `${section.id} is away: ${reason}. It is asked again every second.`);
}

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function follow(section, name, url) {
  for (;;) {
    if (!document.hidden) {
      try {
        showAnswer(section, name, await ask(url));
      } catch (error) {
        showAway(section, error.message);
      }
    }
    await sleep(PAUSE);
  }
}

async function main() {
  const sections = Object.keys(SERVICES).map((name) => [name, card(name)]);
  document.getElementById("services").append(...sections.map(([, section]) => section));
  try {
    const env = await addresses();
    for (const [name, section] of sections) {
      const url = env[`${name.toUpperCase()}_URL`];
      if (url) {
        follow(section, name, new URL(url, document.baseURI));
      } else {
        show(section, "away", `${name} has no address here: the stack does not run it.`);
      }
    }
  } catch (error) {
    const notice = document.getElementById("notice");
    notice.textContent = `The services cannot be found: ${error.message}.`;
    notice.hidden = false;
  }
}

main();
