// Elements that stay while they are shown again: no flicker, nothing loses its place or its focus.
// Text goes in as textContent alone: names come from whoever may post.

/** Let `parent` hold one child for each of `values`, in their order, made once for each key. */
export function show(parent, values, keyOf, make, fill) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const children = values.map((value) => {
    const key = keyOf(value);
    let child = known.get(key);
    if (!child) {
      child = make(value);
      child.dataset.key = key;
    }
    known.delete(key);
    fill(child, value);
    return child;
  });
  for (const gone of known.values()) gone.remove();
  children.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
}

export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Write only what changed, and let what changed be seen for a moment. */
export function say(target, text, { marked = false } = {}) {
  if (target.textContent === text) return;
  const before = target.textContent;
  target.textContent = text;
  if (marked && before) {
    target.classList.remove("changed");
    void target.offsetWidth; // starts the animation anew
    target.classList.add("changed");
  }
}

export const at = (id) => document.getElementById(id);
