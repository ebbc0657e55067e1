// Asking the service, as whoever is signed in in this tab.

/** The answer's body, and the instant until which all that was accepted is in it. */
export async function ask(path, parameters, signal) {
  const given = Object.entries(parameters).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  const query = new URLSearchParams(given.filter(([, value]) => value));
  const [body, answer] = await request(`${path}?${query}`, { signal });
  return [body, answer.headers.get("Dawalog-As-Of")];
}

export async function tell(path, statement) {
  await request(path, { method: "POST", body: JSON.stringify(statement), signal: AbortSignal.timeout(10000) }, { "Content-Type": "application/json" });
}

async function request(address, options, named = {}) {
  const headers = { Accept: "application/json", ...named };
  if (isSignedIn()) headers.Authorization = `Bearer ${sessionStorage.getItem("token")}`;
  const answer = await fetch(address, { ...options, headers });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail), { status: answer.status });
  return [body, answer];
}

/** A token in the address's fragment never reaches a server; kept for this tab, it is taken out. */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  keepToken(token);
  history.replaceState(null, "", location.pathname + location.search);
}

export const keepToken = (token) => sessionStorage.setItem("token", token.trim());
export const dropToken = () => sessionStorage.removeItem("token");
export const isSignedIn = () => sessionStorage.getItem("token") !== null;

/** The one district that the token is for, by what it says itself. */
export function ownDistrict() {
  try {
    const payload = sessionStorage.getItem("token").split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const claims = JSON.parse(atob(payload));
    const districts = claims.districts ?? claims.dawalog_districts;
    return districts.length === 1 ? districts[0] : "";
  } catch {
    return ""; // nobody is signed in, or the token says it in other words
  }
}
