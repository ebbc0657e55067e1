// Facilities whose figures can't be of today.

import { at, element, say, show } from "./elements.js";
import { LEVELS, ago, duration, fullTimeOf } from "./words.js";

const KINDS = { silent: "Silent", late: "Late", not_started: "Not started" };
export const REPORTS = Object.keys(KINDS);

const WHY = {
  no_event_yet: () => "registered, nothing posted yet",
  open_days_unheard: () => "not heard of on two open days",
  median_delay: (each) => `half of what it sent came ${duration(each.delay_seconds.median * 1000)} late or more`,
  device_gaps: () => "numbers are missing in what its devices sent",
};

export function showReports(facilities, now, more) {
  show(at("reports"), facilities, (each) => each.facility_id, make, (row, each) => fill(row, each, now));
  at("no-reports").hidden = facilities.length > 0 || more;
  at("more-reports").hidden = !more;
}

function make() {
  return element("li", "", element("span", "name"), element("span", "status"), element("span", "detail"), element("span", "detail"));
}

function fill(row, each, now) {
  const [name, status, where, why] = row.children;
  say(name, each.name ?? each.facility_id);
  status.className = `status ${each.reporting === "silent" ? "bad" : each.reporting === "late" ? "some" : "none"}`;
  say(status, KINDS[each.reporting]);
  say(where, `${LEVELS[each.level] ?? each.level} · ${each.facility_id}`);
  const heard = each.last_heard_at;
  why.title = heard ? fullTimeOf(heard) : "";
  say(why, (WHY[each.rule]?.(each) ?? each.rule) + (heard ? `; last heard of ${ago(heard, now)}` : ""));
}
