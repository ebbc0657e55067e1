// How directives stand: each in one line.

import { ask } from "./asking.js";
import { at, element, say, show } from "./elements.js";
import { dayOf, number } from "./words.js";

const SOME = 20;

export async function askDirectives(district, signal) {
  const [{ directives }] = await ask("/v1/directives", { limit: SOME }, signal);
  const inForce = directives.filter((each) => !each.withdrawn);
  return Promise.all(inForce.map(async ({ directive_id: id }) => (await ask(`/v1/directives/${encodeURIComponent(id)}/standing`, { by: "district", district }, signal))[0]));
}

export function showDirectives(standings) {
  at("directives-section").hidden = standings.length === 0;
  show(at("directives"), standings, (each) => each.directive.directive_id, make, fill);
}

function make() {
  return element("li", "", element("span", "name"), element("span", "status"), element("span", "detail"));
}

function fill(row, { directive, overdue, counts }) {
  const [name, status, detail] = row.children;
  const { in_use: used, started, lapsed, not_started: never } = counts;
  const bound = used + started + lapsed + never;
  say(name, directive.title);
  status.className = `status ${used === bound ? "good" : overdue ? "bad" : "some"}`;
  say(status, `${number(used)} of ${number(bound)} in use`);
  const rest = [lapsed && `${number(lapsed)} lapsed`, started && `${number(started)} started`, never && `${number(never)} not started`].filter(Boolean);
  say(detail, [`${overdue ? "was due" : "due"} ${dayOf(directive.deadline)}`, ...rest].join(" · "));
}
