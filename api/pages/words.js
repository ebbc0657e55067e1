// How values are said: numbers, times, what happened.

const numbers = new Intl.NumberFormat("en-IN");
const clock = new Intl.DateTimeFormat("en-IN", { timeStyle: "medium", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en-IN", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

const HAPPENINGS = {
  stock_received: "Received",
  stock_issued: "Issued",
  transfer_dispatched: "Sent",
  transfer_received: "Transfer received",
  medicine_dispensed: "Dispensed",
  medicine_returned: "Returned",
  stock_adjusted: "Adjusted",
  stock_counted: "Counted",
  lot_held: "Lot held",
  lot_released: "Lot released",
  event_reversed: "Reversed",
};

export const LEVELS = {
  MCH: "Medical college hospital",
  DH: "District hospital",
  SDH: "Sub-district hospital",
  CHC: "Community health centre",
  PHC: "Primary health centre",
  SC: "Sub-centre",
  WAREHOUSE: "Warehouse",
  STORE: "Store",
  COUNTER: "Counter",
  OTHER: "Other",
};

const shares = new Intl.NumberFormat("en-IN", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 2, roundingMode: "floor" });
const days = new Intl.DateTimeFormat("en-IN", { dateStyle: "medium", timeZone: "UTC" });
const expiries = new Intl.DateTimeFormat("en-IN", { month: "short", year: "numeric", timeZone: "UTC" });

export const number = (value) => numbers.format(value);
export const count = (value, one, many) => `${numbers.format(value)} ${value === 1 ? one : many}`;
/** Rounded down: what isn't all is never 100 %. */
export const percent = (part, whole) => shares.format(part / whole);
/** Of a date, as packs have it. */
export const expiryOf = (date) => expiries.format(new Date(date));
export const dayOf = (date) => days.format(new Date(date));
export const happening = (type) => HAPPENINGS[type] ?? type;
export const timeOf = (instant) => clock.format(new Date(instant));
export const fullTimeOf = (instant) => day.format(new Date(instant));

/** How long before `now` (milliseconds) an instant was, in the largest unit that says enough. */
export function since(instant, now) {
  return duration(now - Date.parse(instant));
}

export function duration(milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** Since when, without decimals: what is read over and over should stand still. */
export function ago(instant, now) {
  const seconds = (now - Date.parse(instant)) / 1000;
  if (seconds < 5) return "now";
  return `${since(instant, now).replace(/\.\d/, "")} ago`;
}

export function lines(event) {
  const said = event.lines.map((line) => line.name ?? line.item_id).map((name, place) => {
    const { quantity } = event.lines[place];
    const unmet = event.type === "medicine_dispensed" && quantity === 0;
    return unmet ? `${name}: none to give` : `${name} × ${number(quantity)}`;
  });
  const more = event.line_count - event.lines.length;
  return said.join(", ") + (more > 0 ? ` and ${number(more)} more` : "");
}
