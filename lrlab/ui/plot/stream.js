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
    const asking = new AbortController();
    try {
      const response = await fetch(this.address, { signal: asking.signal });
      if (response.status >= 400 && response.status < 500) {
        const { error } = await response.json();
        if (this.closed) return;
        this.reached();
        this.told.refused(error, response.status);
        return;
      }
    } catch (error) {
      // A TypeError is fetch's word for "not reached"; a proxy's own answer is no JSON.
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    } finally {
      asking.abort();
    }
    if (!this.closed) this.open();
  }

  close() {
    this.closed = true;
    this.source.close();
    clearTimeout(this.lostTimer);
    clearTimeout(this.againTimer);
  }
}
