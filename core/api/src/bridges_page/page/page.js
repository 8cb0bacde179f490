// The page of the bridges: signs a Matrix user in, shows the networks, and goes through the steps of a login. All text
// that comes from elsewhere is set as text, never as markup.

const main = document.getElementById("main");
const account = document.getElementById("account");
const status = document.getElementById("status");

const LIST_EVERY_MS = 5000;
const WAIT_EVERY_MS = 1000;

/** @type {{user_id: string, csrf_token: string} | null} */
let session = null;
/** What is shown; a view's timers and late answers stop when it is no longer this one. */
let view = null;

const STATES = {
  CONNECTED: ["good", "Connected"],
  RUNNING: ["good", "Running"],
  BACKFILLING: ["good", "Connected, fetching older messages"],
  UNCONFIGURED: ["", "Not logged in"],
  STARTING: ["busy", "Starting"],
  CONNECTING: ["busy", "Connecting"],
  TRANSIENT_DISCONNECT: ["busy", "Disconnected, trying again"],
  BAD_CREDENTIALS: ["bad", "The network wants you to log in again"],
  LOGGED_OUT: ["bad", "Logged out by the network"],
  BRIDGE_UNREACHABLE: ["bad", "The bridge does not run"],
  UNKNOWN_ERROR: ["bad", "Something is wrong"],
};

const KINDS = {
  password: { type: "password" },
  token: { type: "password" },
  phone: { type: "tel", autocomplete: "tel" },
  email: { type: "email", autocomplete: "email" },
  url: { type: "url" },
  "code-2fa": { inputmode: "numeric", autocomplete: "one-time-code" },
};

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(method, path, body) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (session) headers["x-csrf-token"] = session.csrf_token;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, "The server can't be reached. Try again in a moment.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.error ?? `The server answered ${response.status}.`);
  return answer;
}

const segments = (...parts) => ["networks", ...parts.map(encodeURIComponent)].join("/");

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== ""));
  return element;
}

function say(text) {
  status.textContent = text;
}

function show(next, title, ...children) {
  view = next;
  document.title = title;
  main.replaceChildren(...children.flat());
}

/** A form whose button can't be pressed twice, and that tells what was refused. */
function form(fields, submitLabel, submit, others = []) {
  const error = h("p", { class: "error", role: "alert", id: "error" });
  const button = h("button", { class: "first", type: "submit" }, submitLabel);
  const element = h("form", { novalidate: true }, error, fields, h("div", { class: "buttons" }, button, others));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    const shown = view;
    const inputs = [...element.querySelectorAll("input, select")];
    inputs.forEach((input) => input.removeAttribute("aria-invalid"));
    error.textContent = "";
    button.setAttribute("aria-disabled", "true");
    say("One moment…");
    try {
      await submit(Object.fromEntries(inputs.map((input) => [input.name, input.value])));
    } catch (refused) {
      if (view !== shown) return;
      if (refused.status === 401 && session) return signedOut();
      say("");
      refuse(error, inputs, refused.message);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
  return element;
}

/** A connector names the field first: `token: that is none`. */
function refuse(error, inputs, message) {
  const named = inputs.find((input) => message.startsWith(`${input.name}: `));
  error.textContent = named ? message.slice(named.name.length + 2) : message;
  const at = named ?? inputs[0];
  if (!at) return;
  if (named || inputs.length === 1) at.setAttribute("aria-invalid", "true");
  at.focus();
  if (at instanceof HTMLInputElement) at.select();
}

function field({ id, label, hint, options, ...attributes }) {
  const described = [hint ? `hint-${id}` : "", "error"].filter(Boolean).join(" ");
  const common = { id: `field-${id}`, name: id, "aria-describedby": described, autocapitalize: "off", spellcheck: "false" };
  const { value, ...rest } = attributes;
  const input = options
    ? h("select", { ...common, ...rest }, options.map((option) => h("option", { selected: option === value }, option)))
    : h("input", { type: "text", autocomplete: "off", ...common, ...rest, value });
  return h(
    "div",
    { class: "field" },
    h("label", { for: `field-${id}` }, label),
    input,
    hint ? h("span", { class: "hint", id: `hint-${id}` }, hint) : null,
  );
}

// ---------- signing in ----------

function showSignIn(note = "") {
  session = null;
  account.replaceChildren();
  const fields = [
    field({ id: "user", label: "Matrix user", hint: "Your user name, or @you:server in full", autocomplete: "username", required: true }),
    field({ id: "password", label: "Password", type: "password", autocomplete: "current-password", required: true }),
  ];
  const signIn = form(fields, "Sign in", async ({ user, password }) => {
    session = await ask("POST", "session", { user, password });
    say("Signed in.");
    await showNetworks();
  });
  show({}, "Sign in", h("section", {}, h("h1", {}, "Sign in with your Matrix account"),
    h("p", { class: "faint" }, "Then log in to the networks that this server bridges."), signIn));
  say(note);
  document.getElementById("field-user").focus();
}

function signedOut() {
  showSignIn("You were signed out. Sign in again.");
}

function showAccount() {
  const signOut = h("button", { type: "button", id: "sign-out", onclick: async () => {
    try {
      await ask("DELETE", "session");
    } catch (refused) {
      if (refused.status !== 401) return say(refused.message);
    }
    showSignIn("Signed out. Your networks stay logged in.");
  } }, "Sign out");
  account.replaceChildren(h("span", { id: "user-id" }, session.user_id), signOut);
}

// ---------- the networks ----------

/** Shows the list and keeps it fresh; `focus` is the id of what gets the focus. */
async function showNetworks(focus = "title") {
  const shown = {};
  view = shown;
  showAccount();
  let last = "";
  for (;;) {
    let networks;
    try {
      ({ networks } = await ask("GET", "networks"));
    } catch (refused) {
      if (view !== shown) return;
      if (refused.status === 401) return signedOut();
      if (!last) {
        const again = h("button", { type: "button", class: "first", onclick: () => showNetworks() }, "Try again");
        show(shown, "Your networks", h("section", {}, h("h1", { id: "title", tabindex: "-1" }, "Your networks"),
          h("p", { class: "error", role: "alert" }, refused.message), again));
        return document.getElementById("title").focus();
      }
      say(refused.message);
    }
    if (view !== shown) return;
    const text = JSON.stringify(networks);
    // A question that waits for its answer is not drawn over.
    if (networks && text !== last && !(last && main.querySelector("[data-asks]"))) {
      const focused = last ? document.activeElement?.id : focus;
      last = text;
      drawNetworks(shown, networks);
      (document.getElementById(focused) ?? document.getElementById("title")).focus({ preventScroll: !!last && focused === "title" });
    }
    await new Promise((done) => setTimeout(done, LIST_EVERY_MS));
    if (view !== shown) return;
  }
}

function drawNetworks(shown, networks) {
  const none = h("p", { class: "faint" }, "There is no network here that you may use. Your server's admin installs them.");
  show(shown, "Your networks", h("section", {}, h("h1", { id: "title", tabindex: "-1" }, "Your networks"),
    h("p", { class: "faint" }, "Log in to a network, and its chats come to your Matrix client."), networks.length ? null : none),
    networks.map(network));
}

function network(of) {
  const id = `network-${of.bridge}`;
  const logins = Object.entries(of.logins);
  const items = logins.map(([login, state]) => loginItem(of, login, state));
  const resume = of.process
    ? h("button", { type: "button", class: "first", id: `${id}-resume`, onclick: () => showStep(of, of.process, true) }, "Continue logging in")
    : null;
  const ways = of.flows.map((flow) => {
    const label = of.flows.length > 1 ? `Log in: ${flow.name}` : logins.length ? "Log in to another account" : "Log in";
    const hint = `${id}-flow-${flow.id}-hint`;
    const start = async () => {
      say("One moment…");
      try {
        const at = await ask("POST", segments(of.bridge, "logins"), { flow: flow.id });
        say("");
        showStep(of, at);
      } catch (refused) {
        refused.status === 401 ? signedOut() : say(refused.message);
      }
    };
    const first = !of.process && !logins.length && of.flows[0] === flow;
    return h("div", { class: "row" }, h("span", { class: "faint", id: hint }, flow.description),
      h("button", { type: "button", class: first ? "first" : null, id: `${id}-flow-${flow.id}`, "aria-describedby": hint,
        "aria-label": `${label} (${of.name})`, onclick: start }, label));
  });
  const runs = of.state.state_event !== "BRIDGE_UNREACHABLE";
  const may = of.flows.length || !runs ? null : h("p", { class: "faint" }, "You may not log in here; the bridge may speak for you.");
  return h("section", { "aria-labelledby": id }, h("h2", { id, tabindex: "-1" }, of.name, of.name.toLowerCase() === of.bridge ? null : h("span", { class: "faint" }, ` (${of.bridge})`)),
    runs && logins.length ? null : stateOf(of.state), items.length ? h("ul", {}, items) : null,
    resume, may, runs ? ways : null);
}

function stateOf(state) {
  const [kind, words] = STATES[state.state_event] ?? ["", state.state_event];
  const message = state.message && kind !== "good" ? `${words}: ${state.message}` : words;
  return h("span", { class: `state ${kind}` }, message);
}

function loginItem(of, login, state) {
  const name = state.remote_name || login;
  const id = `login-${of.bridge}-${login}`;
  const item = h("li", { id: `${id}-item` });
  const draw = () => {
    const wantsAgain = state.user_action === "RELOGIN" && of.flows.length;
    const again = wantsAgain ? h("button", { type: "button", class: "first", "aria-label": `Log in again as ${name}`, onclick: async () => {
      try {
        showStep(of, await ask("POST", segments(of.bridge, "logins"), { flow: of.flows[0].id, replaces: login }));
      } catch (refused) {
        refused.status === 401 ? signedOut() : say(refused.message);
      }
    } }, "Log in again") : null;
    const out = h("button", { type: "button", id, "aria-label": `Log out of ${of.name} as ${name}`, onclick: confirm }, "Log out");
    item.replaceChildren(h("div", { class: "row" }, h("div", {}, h("span", { class: "name" }, name), stateOf(state)),
      h("div", { class: "buttons" }, again, out)));
  };
  const confirm = () => {
    const keep = h("button", { type: "button", onclick: () => { draw(); document.getElementById(id).focus(); } }, "Stay logged in");
    const yes = h("button", { type: "button", class: "danger", onclick: async () => {
      try {
        await ask("DELETE", segments(of.bridge, "logins", login));
        say(`Logged out: ${name}.`);
        showNetworks(`network-${of.bridge}`);
      } catch (refused) {
        refused.status === 401 ? signedOut() : say(refused.message);
      }
    } }, "Log out");
    const question = h("p", { id: `${id}-question` }, `Log out of ${of.name} as ${name}? Its chats get no more messages.`);
    item.replaceChildren(h("div", { role: "group", "aria-labelledby": `${id}-question`, "data-asks": true }, question,
      h("div", { class: "buttons" }, keep, yes)));
    keep.focus();
  };
  draw();
  return item;
}

// ---------- a login's steps ----------

/** One step; `at` is what the server answered: the process, its step, and a QR code's modules. */
function showStep(of, at, isResumed = false) {
  const [kind, action] = Object.entries(at.step.action)[0];
  if (kind === "complete") {
    say(`Logged in to ${of.name} as ${action.remote_name}.`);
    return showNetworks(`network-${of.bridge}`);
  }
  const shown = {};
  const path = segments(of.bridge, "processes", at.process);
  const answer = async (given) => {
    try {
      const next = await ask("POST", path, given);
      say("");
      if (view === shown) showStep(of, next);
    } catch (refused) {
      if (refused.status === 404 && view === shown) return isOver(of, refused.message);
      throw refused;
    }
  };
  const cancel = h("button", { type: "button", id: "cancel", onclick: async () => {
    view = null;
    try {
      await ask("POST", path, { cancelled: {} });
      say("Cancelled.");
    } catch (refused) {
      if (refused.status === 401) return signedOut();
      say(refused.status === 404 ? "Cancelled." : refused.message);
    }
    showNetworks(`network-${of.bridge}`);
  } }, "Cancel");
  const title = h("h1", { id: "title", tabindex: "-1" }, `Log in to ${of.name}`);
  const instructions = at.step.instructions ? h("p", { class: "instructions" }, at.step.instructions) : null;
  const put = (...body) => show(shown, `Log in to ${of.name}`, h("section", {}, title, instructions, body));
  if (kind === "user-input") {
    const inputs = action.map((one) => field({
      id: one.id, label: one.name, hint: one.description, options: one.options.length ? one.options : null,
      value: one.default_value, pattern: one.pattern, required: one.default_value == null,
      ...(KINDS[one.kind] ?? {}), ...(one.secret ? { type: "password" } : {}),
    }));
    put(form(inputs, "Continue", (fields) => answer({ fields }), [cancel]));
    return (main.querySelector("input, select") ?? title).focus();
  }
  if (kind === "cookies") {
    const inputs = action.fields.map((one) => field({
      id: one.id, label: one.id, type: "password", pattern: one.pattern, required: one.required, hint: placeOf(one),
    }));
    put(h("p", {}, "Log in at ", link(action.url), " in a private window. Then copy what is asked for from there (in the browser's developer tools, «Application» or «Storage») and close that window without logging out."),
      form(inputs, "Continue", (fields) => answer({ fields }), [cancel]));
    return title.focus();
  }
  if (kind === "display-and-wait") {
    put(displayed(at, action), h("div", { class: "buttons" }, cancel));
    say(isResumed ? "" : "Waiting for the network…");
    title.focus();
    return waitForNext(of, at, shown, path);
  }
  put(h("p", { class: "error", role: "alert" }, "This way to log in needs a security key, which this page does not ask for yet."),
    h("div", { class: "buttons" }, cancel));
  title.focus();
}

function placeOf(one) {
  const [kind, name] = Object.entries(one.sources[0] ?? {})[0] ?? [];
  const word = { cookie: "cookie", "local-storage": "local storage", "request-header": "request header", "request-body": "request body" }[kind];
  return word ? `The ${word} ${Array.isArray(name) ? name[0] : name}${one.required ? "" : " (if there is one)"}` : "";
}

function link(url) {
  const isWeb = /^https?:\/\//i.test(url);
  return isWeb ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url) : h("code", {}, url);
}

function displayed(at, { kind, data }) {
  if (kind === "qr") {
    const text = h("details", {}, h("summary", {}, "I can't scan it"), h("p", {}, h("code", {}, data)));
    return h("div", { id: "displayed" }, at.qr ? drawQr(at.qr) : h("p", { class: "error" }, "This code is too long to be drawn."), text);
  }
  if (kind === "link") return h("p", { id: "displayed" }, link(data));
  if (kind === "nothing") return h("p", { id: "displayed", class: "faint" }, "This goes on by itself.");
  return h("p", { id: "displayed", class: "code" }, data);
}

/** Dark on white in every color scheme, with the quiet zone that scanners need. */
function drawQr(rows) {
  const size = rows.length + 8;
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const dark = rows.flatMap((row, y) => [...row].map((module, x) => (module === "1" ? `M${x + 4} ${y + 4}h1v1h-1z` : "")));
  const picture = svg("svg", { class: "qr", viewBox: `0 0 ${size} ${size}`, role: "img", "shape-rendering": "crispEdges",
    "aria-label": "A QR code for your phone to scan" });
  picture.append(svg("rect", { width: size, height: size, fill: "#ffffff" }), svg("path", { d: dark.join(""), fill: "#000000" }));
  return picture;
}

async function waitForNext(of, at, shown, path) {
  let known = at;
  for (;;) {
    await new Promise((done) => setTimeout(done, WAIT_EVERY_MS));
    if (view !== shown) return;
    let next;
    try {
      next = await ask("GET", path);
    } catch (refused) {
      if (view !== shown) return;
      if (refused.status === 401) return signedOut();
      if (refused.status >= 400 && refused.status < 500) return isOver(of, refused.message);
      say(refused.message);
      continue;
    }
    if (view !== shown) return;
    if (JSON.stringify(next.step) === JSON.stringify(known.step)) continue;
    const display = next.step.action["display-and-wait"];
    if (next.step.id !== known.step.id || !display) {
      say("");
      return showStep(of, next);
    }
    // The same step with a new code: only that is drawn anew, so that nobody loses their place.
    document.getElementById("displayed").replaceWith(displayed(next, display));
    say("The code was renewed.");
    known = next;
  }
}

function isOver(of, message) {
  const back = h("button", { type: "button", class: "first", onclick: () => showNetworks(`network-${of.bridge}`) }, "Back to your networks");
  show({}, "Not logged in", h("section", {}, h("h1", { id: "title", tabindex: "-1" }, `Not logged in to ${of.name}`),
    h("p", { class: "error", role: "alert" }, message), h("div", { class: "buttons" }, back)));
  say("");
  document.getElementById("title").focus();
}

try {
  session = await ask("GET", "session");
  await showNetworks();
} catch (refused) {
  if (refused.status === 401 || refused.status === 403) showSignIn();
  else showSignIn(refused.message);
}
