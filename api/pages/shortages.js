// What is out, and one step deeper who could send some. An opened row stays open, and stays even
// when the shortage has ended, until it is closed.

import { ask } from "./asking.js";
import { at, element, say, show } from "./elements.js";
import { fillOffers, makeOffers } from "./offers.js";
import { LEVELS, fullTimeOf, number, since } from "./words.js";

/** By key, what is known of the opened ones. */
const opened = new Map();
let shown = [];
let shownAt = 0;

const keyOf = (each) => `${each.facility_id} ${each.item_id}`;
const orderOf = (each) => `${each.out_since} ${keyOf(each)}`;

export function showShortages(shortages, now) {
  const listed = new Set(shortages.map(keyOf));
  const ended = shown.filter((each) => opened.has(keyOf(each)) && !listed.has(keyOf(each))).map((each) => ({ ...each, ended: true }));
  shown = [...shortages, ...ended].sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
  shownAt = now;
  render();
  at("no-shortages").hidden = shown.length > 0;
}

/** Another page, another district. */
export function closeAll() {
  opened.clear();
  shown = [];
}

function render() {
  const rows = shown.flatMap((each) => {
    const detail = opened.get(keyOf(each));
    return detail ? [each, { ...detail, of: each }] : [each];
  });
  const key = (row) => (row.of ? `offers ${keyOf(row.of)}` : keyOf(row));
  show(at("shortages").tBodies[0], rows, key, (row) => (row.of ? makeOffers(idOf(row.of)) : make(row)), (child, row) => (row.of ? fillOffers(child, row) : fill(child, row)));
}

const idOf = (each) => `offers-${keyOf(each).replace(" ", "-")}`;

function make(shortage) {
  const button = element("button", "opens", element("span", "name"));
  button.type = "button";
  button.addEventListener("click", () => toggle(shortage));
  const name = element("th", "", button);
  name.scope = "row";
  const cell = (className, ...children) => element("td", className, ...children);
  return element(
    "tr",
    "",
    name,
    cell("where", element("span", "name"), element("span", "detail")),
    cell("out-for", element("span", "")),
    cell("number not-served"),
    cell("near", element("span", ""), element("span", "detail")),
  );
}

function fill(row, shortage) {
  const [item, where, outFor, notServed, near] = row.children;
  const isOpen = opened.has(keyOf(shortage));
  const button = item.children[0];
  button.setAttribute("aria-expanded", String(isOpen));
  if (isOpen) button.setAttribute("aria-controls", idOf(shortage));
  else button.removeAttribute("aria-controls");
  say(button.children[0], shortage.item_name ?? shortage.item_id);
  say(where.children[0], shortage.facility_name ?? shortage.facility_id);
  say(where.children[1], [districtOf(shortage), LEVELS[shortage.level], shortage.reporting_silent && "silent, may be otherwise"].filter(Boolean).join(" · "));
  outFor.children[0].className = shortage.ended ? "status good" : "";
  outFor.title = `out since ${fullTimeOf(shortage.out_since)}`;
  say(outFor.children[0], shortage.ended ? "there again" : since(shortage.out_since, shownAt).replace(/\.\d/, ""));
  say(notServed, number(shortage.patients_not_served), { marked: true });
  const surplus = shortage.nearest_surplus;
  say(near.children[0], surplus ? surplus.name : "none known");
  say(near.children[1], surplus ? [surplus.distance_km === null ? "" : `${number(surplus.distance_km)} km, `, `${number(surplus.can_give)} above its maximum`].join("") : "");
}

/** By its name, once that is known. */
function districtOf({ district_id: id }) {
  return [...at("district").options].find((option) => option.value === id)?.text ?? id;
}

function toggle(shortage) {
  const key = keyOf(shortage);
  if (!opened.delete(key)) {
    opened.set(key, { rescue: null, failed: "" });
    lookForOffers(key, shortage);
  }
  render();
}

async function lookForOffers(key, shortage) {
  const { facility_id: facility, item_id: item } = shortage;
  const path = `/v1/facilities/${encodeURIComponent(facility)}/items/${encodeURIComponent(item)}/rescue`;
  let found;
  try {
    const [rescue] = await ask(path, {}, AbortSignal.timeout(10000));
    found = { rescue, failed: "" };
  } catch (error) {
    found = { failed: error.status ? error.message : "There is no connection." };
  }
  if (!opened.has(key)) return;
  opened.set(key, { ...opened.get(key), ...found });
  render();
}

/** What the opened ones offer, anew; slower than the list, so that it can be read. */
export function refreshOffers() {
  for (const each of shown) if (opened.has(keyOf(each)) && !each.ended) lookForOffers(keyOf(each), each);
}
