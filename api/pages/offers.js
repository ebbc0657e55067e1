// Who could send some of what is out: how much, from how far, what stays, and the draft to post.

import { element, say, show } from "./elements.js";
import { expiryOf, number, timeOf } from "./words.js";

const FIRST = 5;

export function makeOffers(id) {
  const more = element("button", "more", "");
  more.type = "button";
  const list = element("ol", "offers");
  more.addEventListener("click", () => {
    list.classList.add("all");
    more.hidden = true;
  });
  const cell = element("td", "", element("p", ""), list, more);
  cell.colSpan = 5;
  const row = element("tr", "opened", cell);
  row.id = id;
  return row;
}

export function fillOffers(row, { rescue, failed, of: shortage }) {
  const [said, list, more] = row.children[0].children;
  const donors = rescue?.donors ?? [];
  say(said, sentence(rescue, failed, shortage));
  show(list, donors, (donor) => donor.facility_id, make, fill);
  more.hidden = donors.length <= FIRST || list.classList.contains("all");
  say(more, more.hidden ? "" : `Show ${number(donors.length - FIRST)} more`);
}

function sentence(rescue, failed, shortage) {
  if (!rescue) return failed ? `The offers can't be had now. ${failed}` : "Looking for facilities that have too much of it …";
  const asOf = failed ? ` These offers are of ${timeOf(rescue.taken_at)}; newer ones can't be had now. ${failed}` : "";
  if (shortage.ended) return `It is there again. The offers below are of ${timeOf(rescue.taken_at)}.`;
  const place = shortage.facility_name ?? shortage.facility_id;
  if (!rescue.donors.length) return `Nobody is known to have more of it than their own maximum. Order it for ${place}.${asOf}`;
  const needed = rescue.needed === null ? "" : ` needs ${number(rescue.needed)} to be at its maximum.`;
  return (needed ? place + needed : `How much ${place} needs isn't known yet.`) + ` Who could send some, most first:${asOf}`;
}

function make() {
  const copy = element("button", "", "Copy the draft");
  copy.type = "button";
  const text = element("pre", "");
  const told = element("span", "quiet");
  told.setAttribute("role", "status");
  text.tabIndex = 0;
  copy.addEventListener("click", () => copyText(text, told));
  const draft = element("details", "", element("summary", ""), element("p", "quiet"), text, copy, " ", told);
  return element("li", "", element("span", "name"), element("span", "gives"), element("span", "detail"), draft);
}

function fill(row, donor) {
  const [name, gives, keeps, draft] = row.children;
  const far = donor.distance_km === null ? "distance not known" : `${number(donor.distance_km)} km away`;
  say(name, `${donor.name}, ${far}`);
  const expiry = donor.soonest_expiry ? `, first to expire ${expiryOf(donor.soonest_expiry)}` : "";
  say(gives, `can give ${number(donor.can_give)}${expiry}`);
  say(keeps, `keeps ${number(donor.left_with)}; its own maximum is ${number(donor.max_quantity)}`);
  const [summary, how, text] = draft.children;
  say(summary, "Draft for its pharmacist");
  say(how, `To be sent: ${donor.draft.lines.map(lot).join(", ")}. Whoever dispatches it at ${donor.name} posts this to /v1/events, with an event_id of their own, when the parcel leaves.`);
  if (!draft.open || !text.textContent) say(text, JSON.stringify(donor.draft, null, 2)); // not under the reader's eyes
}

const lot = ({ lot: name, quantity, expiry }) => `${number(quantity)} of lot ${name}${expiry ? ` (${expiryOf(expiry)})` : ""}`;

async function copyText(text, told) {
  try {
    await navigator.clipboard.writeText(text.textContent);
    told.textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(text);
    told.textContent = "Selected: copy it with your keyboard.";
  }
}
