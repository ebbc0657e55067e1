// The state at a glance, asked for every 2 seconds while somebody looks.

import { ask, dropToken, isSignedIn, keepToken, ownDistrict, takeToken } from "./asking.js";
import { askDirectives, showDirectives } from "./directives.js";
import { at, say } from "./elements.js";
import { REPORTS, showReports } from "./reports.js";
import { showEvents, showFacilities } from "./rows.js";
import { closeAll, refreshOffers, showShortages } from "./shortages.js";
import { showNotReporting, showTiles } from "./tiles.js";
import { askTodo, closeTodo, showTodo } from "./todo.js";
import { number } from "./words.js";

const EVERY_MS = 2000;
const SLOWLY_EVERY_MS = 10000; // what changes slowly, or is being read
const SELDOM_EVERY_MS = 60000; // what changes with the days
const REST = 5; // of the time that an answer took: a slow one is asked for less often
const GIVE_UP_MS = 10000;
const PAGE = 20;
const REPORTED = 50;
const SHORTAGES = 20;

const view = {
  district: "", sort: "id", cursors: [""], shortageCursors: [""],
  asking: null, timer: null, refused: false, slowlyAt: -Infinity, seldomAt: -Infinity, late: null, moreReports: false,
};

async function refresh() {
  clearTimeout(view.timer);
  view.asking?.abort();
  view.refused = false;
  const asking = (view.asking = new AbortController());
  const patience = setTimeout(() => asking.abort(), GIVE_UP_MS);
  const began = performance.now();
  try {
    await look(asking, began);
  } catch (error) {
    if (asking === view.asking) showFailure(error);
  } finally {
    clearTimeout(patience);
    if (asking === view.asking && !document.hidden && !view.refused) {
      view.timer = setTimeout(refresh, Math.max(EVERY_MS, REST * (performance.now() - began)));
    }
  }
}

async function look(asking, began) {
  const { district, sort } = view;
  const { signal } = asking;
  const slowly = began - view.slowlyAt >= SLOWLY_EVERY_MS;
  const seldom = began - view.seldomAt >= SELDOM_EVERY_MS;
  const [[overview, asOf], [summary], [shortages], todo, reports, directives] = await Promise.all([
    ask("/v1/overview", { district, sort, limit: PAGE, cursor: view.cursors.at(-1) }, signal),
    ask("/v1/summary", { by: "state", district }, signal),
    ask("/v1/shortages", { district, limit: SHORTAGES, cursor: view.shortageCursors.at(-1) }, signal),
    askTodo(district, signal),
    slowly ? Promise.all(REPORTS.map((reporting) => ask("/v1/reporting", { district, reporting, limit: REPORTED }, signal))) : null,
    seldom ? askDirectives(district, signal) : null,
  ]);
  if (asking !== view.asking) return;
  const now = Date.parse(overview.taken_at); // the server's clock: this one may be wrong
  if (reports) {
    view.slowlyAt = began;
    showLate(reports.map(([body]) => body), now);
    refreshOffers();
  }
  if (directives) {
    view.seldomAt = began;
    showDirectives(directives);
  }
  showNotReporting(showTiles(summary.groups, overview, asOf, now), view.late, view.moreReports);
  showShortages(shortages.shortages, now);
  showTodo(todo, now, refresh);
  showFacilities(at("facilities").tBodies[0], overview.facilities, now);
  showEvents(at("events"), overview.newest_events, now);
  showNothing(overview.facility_count === 0);
  at("no-events").hidden = overview.newest_events.length > 0;
  showPages(overview, shortages);
  for (const id of ["notice", "sign-in"]) at(id).hidden = true;
  at("figures").hidden = false;
  showConnection("live", "Live");
}

/** Where no facility is registered, nothing is well. */
function showNothing(empty) {
  at("none").hidden = !empty;
  say(at("no-shortages"), empty ? "No facilities are registered here yet." : "Nothing is out where shelves have been counted.");
  say(at("no-reports"), empty ? "No facilities are registered here yet." : "No facility is.");
}

function showLate(bodies, now) {
  view.moreReports = bodies.some((body) => body.next_cursor !== null);
  view.late = bodies[REPORTS.indexOf("late")].facilities.length;
  showReports(bodies.flatMap((body) => body.facilities), now, view.moreReports);
}

function showPages(overview, shortages) {
  const first = (view.cursors.length - 1) * PAGE;
  const last = first + overview.facilities.length;
  view.next = overview.next_cursor;
  at("previous").disabled = view.cursors.length === 1;
  at("next").disabled = view.next === null;
  say(at("shown"), last ? `${number(first + 1)} to ${number(last)} of ${number(overview.facility_count)}` : "");
  view.nextShortages = shortages.next_cursor;
  at("previous-shortages").disabled = view.shortageCursors.length === 1;
  at("next-shortages").disabled = view.nextShortages === null;
  say(at("shown-shortages"), `Page ${view.shortageCursors.length}`);
}

/** Old figures stay, and the page says that they are old. */
function showFailure(error) {
  if (at("as-of").textContent !== "–") say(at("age"), "not refreshed since");
  say(at("pace"), "");
  view.refused = [401, 403, 404].includes(error.status); // until somebody signs in, or chooses
  if (error.status === 401) {
    showSignIn(isSignedIn() ? `This token doesn't count. ${error.message}` : "The figures need a token. A system's operator gives you one: dawalog token prints it.");
    showConnection("waiting", "Not signed in");
  } else if ([403, 404].includes(error.status)) {
    showNotAllowed(error);
  } else if ([422, 429].includes(error.status)) {
    showNotice(error.message);
    showConnection("live", "Live");
  } else if (error.status === 503) {
    showConnection("lost", "Figures out of reach, trying again");
  } else {
    showConnection("lost", "No connection, trying again");
  }
}

/** Figures of what was looked at before aren't left standing. */
function showNotAllowed({ status, message }) {
  at("figures").hidden = true;
  const whose = view.district ? "this district" : "all districts";
  showNotice(status === 404 ? message : `Your token doesn't reach ${whose}. Choose yours at the top, or sign out and use another token.`);
  showConnection("waiting", status === 404 ? "Not registered" : "Not yours to see");
}

/** A token that doesn't count is forgotten. */
function showSignIn(why) {
  dropToken();
  at("sign-out").hidden = true;
  at("notice").hidden = true;
  at("figures").hidden = true;
  say(at("why-sign-in"), why);
  at("sign-in").hidden = false;
}

function showNotice(text) {
  at("sign-in").hidden = true;
  say(at("notice"), text);
  at("notice").hidden = false;
}

function showConnection(kind, text) {
  at("connection").className = `badge ${kind}`;
  say(at("connection"), text);
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
  Object.assign(view, { district, sort, cursors: [""], shortageCursors: [""], slowlyAt: -Infinity, seldomAt: -Infinity, late: null });
  closeAll();
  closeTodo();
  showInAddress();
  refresh();
}

function showInAddress() {
  const { district, sort } = view;
  const query = new URLSearchParams(Object.entries({ district, sort: sort === "id" ? "" : sort }).filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}

function turn(cursors, to) {
  if (to === undefined) cursors.pop();
  else cursors.push(to);
  if (cursors === view.shortageCursors) closeAll();
  refresh();
}

function signIn() {
  keepToken(at("token").value);
  at("token").value = "";
  Object.assign(view, { slowlyAt: -Infinity, seldomAt: -Infinity });
  showOwn();
  showDistricts();
  refresh();
}

function signOut() {
  dropToken();
  for (const option of [...at("district").options].slice(1)) option.remove();
  choose("", view.sort);
}

/** Whose token is for one district begins there. */
function showOwn() {
  at("sign-out").hidden = !isSignedIn();
  view.district ||= ownDistrict();
  if (view.district && ![...at("district").options].some(({ value }) => value === view.district)) at("district").add(new Option(view.district, view.district));
  at("district").value = view.district;
  showInAddress();
}

function start() {
  takeToken();
  const asked = new URLSearchParams(location.search);
  view.district = asked.get("district") ?? "";
  view.sort = ["out", "silent"].includes(asked.get("sort")) ? asked.get("sort") : "id";
  at("sort").value = view.sort;
  showOwn();
  at("sign-out").addEventListener("click", signOut);
  for (const form of ["place", "order"]) {
    at(form).addEventListener("submit", (event) => event.preventDefault());
    at(form).addEventListener("change", () => choose(at("district").value, at("sort").value));
  }
  at("sign-in").addEventListener("submit", (event) => (event.preventDefault(), signIn()));
  at("district").addEventListener("focus", showDistricts);
  at("next").addEventListener("click", () => turn(view.cursors, view.next));
  at("previous").addEventListener("click", () => turn(view.cursors));
  at("next-shortages").addEventListener("click", () => turn(view.shortageCursors, view.nextShortages));
  at("previous-shortages").addEventListener("click", () => turn(view.shortageCursors));
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  showDistricts();
  refresh();
}

start();
