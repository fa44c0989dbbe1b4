/* Comfort for pages that work without it: forms are sent once and ask before what cannot be undone, menus
   close, and parts of a page that somebody else changes are fetched again. Nothing here decides anything. */
(() => {
  "use strict";

  const FIELDS = "input:not([type=hidden]), select, textarea";
  const FOCUSABLE = "a[href], button, summary, " + FIELDS;

  /* ---- forms ---- */

  const release = (form) => {
    delete form.dataset.sent;
    for (const field of form.elements) {
      if (field.dataset.held) {
        delete field.dataset.held;
        field.disabled = false;
      }
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = event.submitter && event.submitter.dataset.confirm;
    if (form.dataset.sent || (question && !window.confirm(question))) {
      event.preventDefault();
      return;
    }
    if (event.defaultPrevented || form.method !== "post") return;
    form.dataset.sent = "1";
    // later, because a disabled button is not sent with its form
    setTimeout(() => {
      for (const field of form.elements) {
        if (field.type === "submit" && !field.disabled) {
          field.dataset.held = "1";
          field.disabled = true;
        }
      }
    });
    // an answer that is a file leaves the page where it is
    setTimeout(() => release(form), 10000);
  });

  // a page that comes back from the browser's memory is as it was left
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) release(form);
  });

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form && form.hasAttribute("data-auto")) form.requestSubmit();
  });

  const prepare = (root) => {
    for (const button of root.querySelectorAll("form[data-auto] button")) button.hidden = true;
  };
  prepare(document);

  /* ---- menus ---- */

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!except || !menu.contains(except)) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement && document.activeElement.closest("details.menu[open]");
    closeMenus();
    if (menu) menu.querySelector("summary").focus();
  });

  /* ---- live parts ---- */

  const isChanged = (field) => {
    if (field.type === "checkbox" || field.type === "radio") {
      return field.checked !== field.defaultChecked;
    }
    if (field.options) {
      const first = [...field.options].findIndex((option) => option.defaultSelected);
      return field.selectedIndex !== Math.max(first, 0);
    }
    return field.value !== field.defaultValue;
  };

  // nobody loses what they are typing, what came back with an error, or a click that is on its way
  const isInUse = (part) => {
    const active = document.activeElement;
    return (
      (active && part.contains(active) && active.matches(FIELDS)) ||
      part.querySelector("form[data-sent], form[data-typed]") !== null ||
      [...part.querySelectorAll(FIELDS)].some(isChanged)
    );
  };

  // what a reader sees: two looks differ in the keys of their forms, and in what the reader has opened
  const seen = (part) => {
    const copy = part.cloneNode(true);
    for (const key of copy.querySelectorAll("input[data-once]")) key.remove();
    for (const box of copy.querySelectorAll("details")) box.open = false;
    return copy;
  };
  const isSame = (part, fresh) => seen(part).isEqualNode(seen(fresh));

  // by its form, else by its place
  const nameOf = (box, place) => {
    const form = box.querySelector("form");
    return form ? form.getAttribute("action") : String(place);
  };
  const keepOpen = (from, to) => {
    const open = [...from.querySelectorAll("details")].map((box, n) => box.open && nameOf(box, n));
    [...to.querySelectorAll("details")].forEach((box, n) => {
      if (open.includes(nameOf(box, n))) box.open = true;
    });
  };

  let voice = null;
  const announce = (part) => {
    if (!part.hasAttribute("data-live-announce")) return;
    if (!voice) {
      voice = document.createElement("p");
      voice.className = "vh";
      voice.setAttribute("aria-live", "polite");
      document.body.append(voice);
    }
    const text = part.dataset.liveAnnounce || part.textContent;
    // the region has to be there before its text
    setTimeout(() => (voice.textContent = text.trim()), 50);
  };

  const replace = (part, fresh) => {
    const stops = [...part.querySelectorAll(FOCUSABLE)];
    const stop = stops.indexOf(document.activeElement);
    const next = document.importNode(fresh, true);
    keepOpen(part, next);
    part.replaceWith(next);
    prepare(next);
    if (stop >= 0) {
      const target = next.querySelectorAll(FOCUSABLE)[stop];
      if (target) target.focus();
    }
    announce(next);
  };

  // milliseconds: the pauses between two looks at a busy page, and the quiet after which it is busy no more
  const GAP_MIN = 1500;
  const GAP_MAX = 10000;
  const QUIET = 20000;

  const live = (url) => {
    let source = null;
    let pause = 1000;
    let retry = 0;
    let over = false;

    // when to look: one look at a time, and the more happens, the longer the pause between two of them
    let timer = 0;
    let running = false;
    let looks = 0;
    let last = 0;
    let gap = GAP_MIN;

    const close = () => {
      clearTimeout(retry);
      if (source) source.close();
      source = null;
    };

    const refresh = async () => {
      if (document.hidden) return;
      let text;
      try {
        // the address of an answer to a form cannot be asked for
        const here = document.body.dataset.here;
        const answer = await fetch(here, { headers: { "X-Live": "1" }, cache: "no-store" });
        if (!answer.ok || answer.redirected) return;
        text = await answer.text();
      } catch {
        return; // the next message tries again
      }
      const page = new DOMParser().parseFromString(text, "text/html");
      for (const part of document.querySelectorAll("[data-live-part]")) {
        const fresh = page.getElementById(part.id);
        if (fresh && !isSame(part, fresh) && !isInUse(part)) replace(part, fresh);
      }
      document.title = page.title;
      over = !page.body.dataset.live;
      if (over) close();
    };

    const plan = (delay) => {
      if (timer || running || over) return;
      timer = setTimeout(look, Math.max(delay, last + gap - Date.now()));
    };

    const look = async () => {
      timer = 0;
      running = true;
      looks -= 1;
      await refresh();
      running = false;
      last = Date.now();
      gap = Math.min(gap * 1.5, GAP_MAX);
      if (looks > 0) plan(gap);
    };

    // at once, and again for what the first look came too early for
    const changed = () => {
      if (Date.now() - last > QUIET) gap = GAP_MIN;
      looks = 2;
      plan(300);
    };

    const open = () => {
      if (source || over || document.hidden) return;
      source = new EventSource(url);
      source.onopen = () => (pause = 1000);
      source.onmessage = changed;
      source.onerror = () => {
        close();
        retry = setTimeout(reopen, pause * (0.5 + Math.random()));
        pause = Math.min(pause * 2, 60000);
      };
    };

    // something may have changed while nobody listened
    const reopen = () => {
      open();
      if (source) changed();
    };

    document.addEventListener("visibilitychange", () => (document.hidden ? close() : reopen()));
    window.addEventListener("pagehide", close);
    open();
  };

  if (document.body.dataset.live && "EventSource" in window) live(document.body.dataset.live);
})();
