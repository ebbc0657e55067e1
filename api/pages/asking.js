// Asking the service, as whoever is signed in in this tab.

/** The answer's body, and the instant until which all that was accepted is in it. */
export async function ask(path, parameters, signal) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  const headers = { Accept: "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(`${path}?${query}`, { signal, headers });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail), { status: answer.status });
  return [body, answer.headers.get("Dawalog-As-Of")];
}

/** A token in the address's fragment never reaches a server; kept for this tab, it is taken out. */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  keepToken(token);
  history.replaceState(null, "", location.pathname + location.search);
}

export const keepToken = (token) => sessionStorage.setItem("token", token.trim());

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
