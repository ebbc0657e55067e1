// The state at a glance, asked for every 2 seconds while somebody looks.

import { showEvents, showFacilities } from "./rows.js";
import { number, since, timeOf } from "./words.js";

const EVERY_MS = 2000;
const REST = 5; // of the time that an answer took: a slow one is asked for less often
const GIVE_UP_MS = 10000;
const PAGE = 50;

const at = (id) => document.getElementById(id);
const view = { district: "", sort: "id", cursors: [""], asking: null, timer: null };

async function ask(path, parameters, signal) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  const headers = { Accept: "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(`${path}?${query}`, { signal, headers });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail), { status: answer.status });
  return [body, answer.headers.get("Dawalog-As-Of")];
}

async function refresh() {
  clearTimeout(view.timer);
  view.asking?.abort();
  const asking = (view.asking = new AbortController());
  const patience = setTimeout(() => asking.abort(), GIVE_UP_MS);
  const began = performance.now();
  try {
    const { district, sort, cursors } = view;
    const parameters = { district, sort, limit: PAGE, cursor: cursors.at(-1) };
    const [overview, asOf] = await ask("/v1/overview", parameters, asking.signal);
    if (asking === view.asking) show(overview, asOf);
  } catch (error) {
    if (asking === view.asking) showFailure(error);
  } finally {
    clearTimeout(patience);
    if (asking === view.asking && !document.hidden) {
      view.timer = setTimeout(refresh, Math.max(EVERY_MS, REST * (performance.now() - began)));
    }
  }
}

function show(overview, asOf) {
  const now = Date.parse(overview.taken_at); // the server's clock: this one may be wrong
  const [newest] = overview.newest_events;
  say("facility-count", number(overview.facility_count));
  say("pace", overview.events_per_second.toFixed(1));
  say("newest-age", newest ? since(newest.recorded_at, now) : "none yet");
  say("age", asOf ? `at most ${since(asOf, now)}` : "not known");
  say("as-of", asOf ? `all accepted by ${timeOf(asOf)} is counted` : "the log can't be reached");
  showFacilities(at("facilities").tBodies[0], overview.facilities, now);
  showEvents(at("events"), overview.newest_events, now);
  at("none").hidden = overview.facilities.length > 0;
  at("no-events").hidden = overview.newest_events.length > 0;
  showPages(overview);
  at("notice").hidden = true;
  at("sign-in").hidden = true;
  showConnection("live", "Live");
}

function showPages(overview) {
  const first = (view.cursors.length - 1) * PAGE;
  const last = first + overview.facilities.length;
  view.next = overview.next_cursor;
  at("previous").disabled = view.cursors.length === 1;
  at("next").disabled = view.next === null;
  say("shown", last ? `${number(first + 1)} to ${number(last)} of ${number(overview.facility_count)}` : "");
}

/** Old figures stay, and the page says that they are old. */
function showFailure(error) {
  if (error.status === 401) {
    at("sign-in").hidden = false;
    showConnection("waiting", "Not signed in");
  } else if ([403, 422, 429].includes(error.status)) {
    at("sign-in").hidden = true;
    at("notice").textContent = error.message;
    at("notice").hidden = false;
    showConnection("live", "Live");
  } else if (error.status === 503) {
    showConnection("lost", "Figures out of reach, trying again");
  } else {
    showConnection("lost", "No connection, trying again");
  }
}

function showConnection(kind, text) {
  at("connection").className = `badge ${kind}`;
  say("connection", text);
}

function say(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

async function showDistricts() {
  try {
    const [{ districts }] = await ask("/v1/districts", { limit: 1000 });
    const known = new Map([...at("district").options].map((option) => [option.value, option]));
    for (const { district_id: id, name } of districts) {
      if (known.has(id)) known.get(id).textContent = name;
      else at("district").add(new Option(name, id));
    }
  } catch {
    // asked for again with the next look at the list
  }
}

/** What is looked at stands in the address, so that it can be kept and sent. */
function choose(district, sort) {
  Object.assign(view, { district, sort, cursors: [""] });
  const query = new URLSearchParams(Object.entries({ district, sort: sort === "id" ? "" : sort }).filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  refresh();
}

/** A token in the address's fragment never reaches a server; kept for this tab, it is taken out. */
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname + location.search);
}

function signIn() {
  sessionStorage.setItem("token", at("token").value.trim());
  at("token").value = "";
  showDistricts();
  refresh();
}

function start() {
  takeToken();
  const asked = new URLSearchParams(location.search);
  view.district = asked.get("district") ?? "";
  view.sort = ["out", "silent"].includes(asked.get("sort")) ? asked.get("sort") : "id";
  if (view.district) at("district").add(new Option(view.district, view.district));
  at("district").value = view.district;
  at("sort").value = view.sort;
  at("filter").addEventListener("submit", (event) => event.preventDefault());
  at("sign-in").addEventListener("submit", (event) => (event.preventDefault(), signIn()));
  at("filter").addEventListener("change", () => choose(at("district").value, at("sort").value));
  at("district").addEventListener("focus", showDistricts);
  at("next").addEventListener("click", () => (view.cursors.push(view.next), refresh()));
  at("previous").addEventListener("click", () => (view.cursors.pop(), refresh()));
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  showDistricts();
  refresh();
}

start();
