// A stream of events from the server that comes back by itself: what it brings is told, and when it is lost for longer.

const LOSS_MS = 2000; // a stream that is back by then was never announced as lost
const ASK_AGAIN_MS = 2000;
const SIGNED_OUT = 401; // the status of a refusal that signing in would end

class Stream {
  // told: { news(data, last), lost(isLost), refused(sentence, status) }
  constructor(address, told) {
    this.address = address;
    this.told = told;
    this.open();
  }

  open() {
    this.source = new EventSource(this.address);
    this.source.addEventListener("open", () => this.reached());
    this.source.addEventListener("news", (event) => this.take(event, false));
    this.source.addEventListener("last", (event) => {
      this.source.close();
      this.take(event, true);
    });
    this.source.addEventListener("error", () => {
      this.lostTimer ??= setTimeout(() => this.told.lost(true), LOSS_MS);
      // A browser gives up on an answer that is no stream; a server that is starting gives such answers.
      if (this.source.readyState === EventSource.CLOSED) this.againTimer = setTimeout(() => this.ask(), ASK_AGAIN_MS);
    });
  }

  take(event, last) {
    this.reached();
    this.told.news(JSON.parse(event.data), last);
  }

  reached() {
    clearTimeout(this.lostTimer);
    this.lostTimer = null;
    this.told.lost(false);
  }

  // Why there was no stream: a refusal in the server's own words is told and ends the asking, anything else is tried again.
  async ask() {
    const refusal = await this.refusal();
    if (this.closed) return;
    if (!refusal) return this.open();
    this.reached();
    this.told.refused(refusal.error, refusal.status);
  }

  async refusal() {
    const asking = new AbortController();
    try {
      const response = await fetch(this.address, { signal: asking.signal });
      if (response.status < 400 || response.status >= 500) return null;
      const error = await errorOf(response);
      return error ? { error, status: response.status } : null;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // a TypeError is fetch's word for "not reached"
      return null;
    } finally {
      asking.abort();
    }
  }

  close() {
    this.closed = true;
    this.source.close();
    clearTimeout(this.lostTimer);
    clearTimeout(this.againTimer);
  }
}
