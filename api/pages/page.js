// The state at a glance, asked for every 2 seconds while somebody looks.

import { ask, keepToken, ownDistrict, takeToken } from "./asking.js";
import { at, say } from "./elements.js";
import { REPORTS, showReports } from "./reports.js";
import { showEvents, showFacilities } from "./rows.js";
import { closeAll, refreshOffers, showShortages } from "./shortages.js";
import { showNotReporting, showTiles } from "./tiles.js";
import { number } from "./words.js";

const EVERY_MS = 2000;
const SLOWLY_EVERY_MS = 10000; // what changes slowly, or is being read
const REST = 5; // of the time that an answer took: a slow one is asked for less often
const GIVE_UP_MS = 10000;
const PAGE = 50;
const SHORTAGES = 20;

const view = {
  district: "", sort: "id", cursors: [""], shortageCursors: [""],
  asking: null, timer: null, refused: false, slowlyAt: -Infinity, late: null, moreReports: false,
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
  const [[overview, asOf], [summary], [shortages], reports] = await Promise.all([
    ask("/v1/overview", { district, sort, limit: PAGE, cursor: view.cursors.at(-1) }, signal),
    ask("/v1/summary", { by: "state", district }, signal),
    ask("/v1/shortages", { district, limit: SHORTAGES, cursor: view.shortageCursors.at(-1) }, signal),
    slowly ? Promise.all(REPORTS.map((reporting) => ask("/v1/reporting", { district, reporting, limit: PAGE }, signal))) : null,
  ]);
  if (asking !== view.asking) return;
  const now = Date.parse(overview.taken_at); // the server's clock: this one may be wrong
  if (reports) {
    view.slowlyAt = began;
    showLate(reports.map(([body]) => body), now);
    refreshOffers();
  }
  showNotReporting(showTiles(summary.groups, overview, asOf, now), view.late, view.moreReports);
  showShortages(shortages.shortages, now);
  showFacilities(at("facilities").tBodies[0], overview.facilities, now);
  showEvents(at("events"), overview.newest_events, now);
  at("none").hidden = overview.facilities.length > 0;
  at("no-events").hidden = overview.newest_events.length > 0;
  showPages(overview, shortages);
  for (const id of ["notice", "sign-in"]) at(id).hidden = true;
  at("figures").hidden = false;
  showConnection("live", "Live");
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
  view.refused = [401, 403].includes(error.status); // until somebody signs in, or chooses
  if (error.status === 401) {
    at("sign-in").hidden = false;
    showConnection("waiting", "Not signed in");
  } else if (error.status === 403) {
    showNotAllowed();
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
function showNotAllowed() {
  const own = view.district ? "" : ownDistrict();
  if (own) {
    at("district").add(new Option(own, own, true, true));
    choose(own, view.sort);
    showDistricts();
    return;
  }
  at("figures").hidden = true;
  showNotice(view.district ? "Your token doesn't reach this district. Choose yours at the top." : "Your token doesn't reach all districts. Choose yours at the top.");
  showConnection("waiting", "Not yours to see");
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
  Object.assign(view, { district, sort, cursors: [""], shortageCursors: [""], slowlyAt: -Infinity, late: null });
  closeAll();
  const query = new URLSearchParams(Object.entries({ district, sort: sort === "id" ? "" : sort }).filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  refresh();
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
  view.slowlyAt = -Infinity;
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
