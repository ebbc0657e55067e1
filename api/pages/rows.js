// The rows of facilities and of the newest events.

import { element, say, show } from "./elements.js";
import { LEVELS, ago, fullTimeOf, happening, lines, number, timeOf } from "./words.js";

const SILENT_AFTER_MS = 24 * 3600 * 1000;

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
  say(inStock, number(facility.items_in_stock), { marked: true });
  fillStatus(out.children[0], facility);
  fillHeard(heard.children[0], facility.last_heard_at, now);
}

function fillStatus(status, facility) {
  const listed = facility.items_in_stock + facility.items_out;
  const [kind, text] =
    listed === 0 ? ["none", "nothing listed"]
    : facility.last_heard_at === null ? ["none", "not started"]
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
