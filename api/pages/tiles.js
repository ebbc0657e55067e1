// The figures at the top. A rate stands beside what it is made of, and what it leaves out.

import { at, say } from "./elements.js";
import { count, number, percent, since, timeOf } from "./words.js";

export function showTiles(groups, overview, asOf, now) {
  const sum = (figure) => groups.reduce((total, group) => total + figure(group), 0);
  const counted = sum((each) => each.stock_out_rate.denominator);
  const out = sum((each) => each.stock_out_rate.numerator);
  const unknown = sum((each) => each.stock_out_rate.not_reporting);
  const silent = sum((each) => each.not_reporting);
  const notStarted = sum((each) => each.not_started);
  say(at("available"), counted ? percent(counted - out, counted) : "not known yet");
  say(at("available-of"), counted ? `${number(counted - out)} of ${number(counted)} counted, ${number(out)} out` : "no facility has counted its shelves");
  say(at("available-without"), leftOut(unknown, silent, notStarted));
  say(at("reporting"), `${number(sum((each) => each.reporting))} of ${number(sum((each) => each.facilities))}`);
  showPatients(sum);
  say(at("as-of"), asOf ? timeOf(asOf) : "not known");
  say(at("age"), asOf ? `at most ${since(asOf, now)} old` : "the log can't be reached");
  say(at("pace"), `${overview.events_per_second.toFixed(1)} events a second`);
  return { silent, notStarted };
}

function leftOut(unknown, silent, notStarted) {
  const parts = [
    silent && `${number(unknown)} at ${count(silent, "silent facility", "silent facilities")}`,
    notStarted && `${count(notStarted, "facility", "facilities")} not started`,
  ].filter(Boolean);
  return parts.length ? `left out: ${parts.join(", ")}` : "no facility is left out";
}

function showPatients(sum) {
  const sentAway = sum((each) => each.patients.sent_away);
  const inPart = sum((each) => each.patients.served_in_part);
  say(at("sent-away"), number(sentAway));
  say(at("served"), `of ${count(sum((each) => each.prescriptions_today), "prescription", "prescriptions")}; ${number(inPart)} served in part`);
}

/** `late` is null until it is known; `more` says that not all facilities were looked at. */
export function showNotReporting({ silent, notStarted }, late, more) {
  const said = late === null ? "" : ` · ${number(late)}${more ? " or more" : ""} late`;
  say(at("not-reporting"), `${number(silent)} silent${said} · ${number(notStarted)} not started`);
}
