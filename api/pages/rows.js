// Rows that keep their elements while they are shown again: no flicker, nothing loses its place.
// Text goes in as textContent alone: names come from whoever may post.

import { LEVELS, ago, fullTimeOf, happening, lines, number, timeOf } from "./words.js";

const SILENT_AFTER_MS = 24 * 3600 * 1000;

/** Let `parent` hold one child for each of `values`, in their order, made once for each key. */
function show(parent, values, keyOf, make, fill) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  values.forEach((value, place) => {
    const key = keyOf(value);
    let child = known.get(key);
    if (!child) {
      child = make(value);
      child.dataset.key = key;
    }
    known.delete(key);
    fill(child, value);
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
  for (const gone of known.values()) gone.remove();
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Write only what changed, and let what changed be seen for a moment. */
function say(target, text, { marked = false } = {}) {
  if (target.textContent === text) return;
  const before = target.textContent;
  target.textContent = text;
  if (marked && before) {
    target.classList.remove("changed");
    void target.offsetWidth; // starts the animation anew
    target.classList.add("changed");
  }
}

export function showFacilities(body, facilities, now) {
  show(body, facilities, (each) => each.facility_id, makeFacility, (row, each) => fillFacility(row, each, now));
}

function makeFacility() {
  const cell = (className, ...children) => element("td", className, ...children);
  return element(
    "tr",
    "",
    element("th", "", element("span", "name"), element("span", "detail")),
    cell("district"),
    cell("number in-stock"),
    cell("out", element("span", "status")),
    cell("heard", element("span", "")),
  );
}

function fillFacility(row, facility, now) {
  const [name, district, inStock, out, heard] = row.children;
  name.scope = "row";
  say(name.children[0], facility.name);
  say(name.children[1], `${LEVELS[facility.level] ?? facility.level} · ${facility.facility_id}`);
  say(district, facility.district_name ?? facility.district_id);
  inStock.dataset.label = "In stock";
  say(inStock, number(facility.items_in_stock), { marked: true });
  fillStatus(out.children[0], facility);
  fillHeard(heard.children[0], facility.last_heard_at, now);
}

function fillStatus(status, facility) {
  const listed = facility.items_in_stock + facility.items_out;
  const [kind, text] =
    listed === 0 ? ["none", "nothing listed"]
    : facility.last_heard_at === null ? ["none", "not counted yet"]
    : facility.items_out === 0 ? ["good", "none out"]
    : [facility.items_out * 5 > listed ? "bad" : "some", `${number(facility.items_out)} out`];
  status.className = `status ${kind}`;
  say(status, text, { marked: true });
}

function fillHeard(heard, instant, now) {
  const silent = instant === null || now - Date.parse(instant) > SILENT_AFTER_MS;
  heard.className = silent ? "silent" : "";
  heard.title = instant === null ? "" : fullTimeOf(instant);
  say(heard, instant === null ? "never" : ago(instant, now));
}

export function showEvents(list, events, now) {
  show(list, events, (each) => each.event_id + each.facility_id, makeEvent, (row, each) => fillEvent(row, each, now));
}

function makeEvent(event) {
  const time = element("time", "", timeOf(event.recorded_at));
  time.dateTime = event.recorded_at;
  time.title = `happened ${fullTimeOf(event.occurred_at)}, recorded ${fullTimeOf(event.recorded_at)}`;
  return element(
    "li",
    "fresh",
    element("span", "what", element("strong", "", happening(event.type)), " ", element("span", "late")),
    time,
    element("span", "where", event.facility_name ?? event.facility_id),
    element("span", "lines", lines(event)),
  );
}

/** An event that comes long after it happened says so. */
function fillEvent(row, event) {
  const late = Date.parse(event.recorded_at) - Date.parse(event.occurred_at) > 10 * 60 * 1000;
  say(row.querySelector(".late"), late ? `late: happened ${ago(event.occurred_at, Date.parse(event.recorded_at))}` : "");
}
