// What is wrong and what to do about it: a district's work list, or the critical alerts of the state.

import { ask, tell } from "./asking.js";
import { at, element, say, show } from "./elements.js";
import { ago, fullTimeOf, number } from "./words.js";

const FIRST = 8;
const ALL = 200;
const OFFICERS = { in_charge: "in-charge", block: "block officer", district: "district officer", state: "state officer" };

/** By alert, what came of acknowledging it here. */
const said = new Map();
let all = false;

export async function askTodo(district, signal) {
  const limit = all ? ALL : FIRST;
  if (district) return (await ask(`/v1/districts/${encodeURIComponent(district)}/actions`, { limit }, signal))[0];
  return (await ask("/v1/alerts", { severity: "critical", state: ["open", "acknowledged"], limit }, signal))[0];
}

/** Another district is read from its beginning. */
export function closeTodo() {
  all = false;
  said.clear();
}

export function showTodo(body, now, refresh) {
  const { actions: listed = body.alerts, by_officer: officers } = body;
  show(at("todo"), listed, (each) => each.alert_id, make, (row, each) => fill(row, each, now));
  at("no-todo").hidden = listed.length > 0;
  say(at("todo-title"), officers ? "What to do" : "Critical alerts");
  say(at("todo-about"), officers ? summed(officers) : "Newest first. Choose a district for all that is to be done there.");
  at("more-todo").hidden = all || body.next_cursor === null;
  at("more-todo").onclick = () => ((all = true), refresh());
}

function summed(officers) {
  const sum = (name) => officers.reduce((total, each) => total + each[name], 0);
  return `${number(sum("open"))} open, ${number(sum("overdue"))} overdue. The worst first.`;
}

function make({ alert_id: id }) {
  const seen = element("button", "", "I see to it");
  seen.type = "button";
  seen.addEventListener("click", () => acknowledge(id, seen));
  const how = element("a", "", "How");
  const told = element("span", "quiet");
  told.setAttribute("role", "status");
  return element(
    "li",
    "",
    element("span", "name"),
    element("span", "status"),
    element("span", "detail"),
    element("p", ""),
    element("p", "does", seen, how, told),
  );
}

function fill(row, alert, now) {
  const [name, status, where, what, does] = row.children;
  const [seen, how, told] = does.children;
  say(name, [alert.title, alert.item_name ?? alert.item_id].filter(Boolean).join(": "));
  status.className = `status ${alert.overdue || alert.severity === "critical" ? "bad" : "some"}`;
  say(status, alert.overdue ? "overdue" : alert.severity);
  say(where, [alert.facility_name ?? alert.facility_id ?? alert.district_id, alert.lot && `lot ${alert.lot}`, `since ${ago(alert.began_at, now).replace(" ago", "")}`, turn(alert)].filter(Boolean).join(" · "));
  where.title = `since ${fullTimeOf(alert.began_at)}`;
  say(what, [alert.what_to_do, offer(alert.nearest_surplus)].filter(Boolean).join(" "));
  how.hidden = !alert.runbook;
  how.href = alert.runbook ?? "";
  how.setAttribute("aria-label", `How to deal with: ${alert.title}`);
  seen.hidden = alert.acknowledged_at !== null;
  say(told, alert.acknowledged_at ? `${alert.acknowledged_by} sees to it` : said.get(alert.alert_id) ?? "");
}

function offer(near) {
  if (!near) return "";
  const away = near.distance_km === null ? "" : `, ${number(near.distance_km)} km away,`;
  return `${near.name}${away} can give ${number(near.can_give)}.`;
}

function turn({ officer, officer_title: title, passes_on_at: until }) {
  const whose = `turn of the ${title ?? OFFICERS[officer] ?? officer}`;
  return until ? `${whose} until ${fullTimeOf(until)}` : whose;
}

async function acknowledge(id, button) {
  const told = button.parentElement.lastElementChild;
  button.disabled = true;
  try {
    await tell(`/v1/alerts/${encodeURIComponent(id)}/acknowledgement`, {});
    said.set(id, "Recorded.");
  } catch (error) {
    said.set(id, error.status ? error.message : "There is no connection.");
  }
  button.disabled = false;
  say(told, said.get(id));
}

