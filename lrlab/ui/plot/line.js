// Questions to the server and its answers, both as text, one at a time: over a WebSocket, which takes half as long as
// fetch, or by POST wherever that is not open. A socket that cannot be opened, breaks or falls silent only costs speed.

const SILENCE_MS = 4000; // where a proxy swallows what is sent, or an answer takes so long, a socket gains nothing
const REOPEN_MS = 1000; // between two attempts to open it, doubled after each that brought no answer
const REOPEN_MOST_MS = 60000;

class Line {
  constructor(address) {
    this.address = address;
    this.silence = SILENCE_MS;
    this.socket = null;
    this.heard = null; // takes the answer to the question that is on the socket
    this.wait = REOPEN_MS;
    this.notBefore = 0; // the next attempt to open the socket
    this.open();
  }

  // The answer to `question`; null where the server has none. `signal` ends the asking.
  async ask(question, signal) {
    if (this.socket?.readyState === WebSocket.OPEN) {
      const answer = await this.converse(question, signal);
      if (answer !== null || signal.aborted) return answer;
    }
    this.open();
    return this.post(question, signal);
  }

  // Nobody waits for the socket: it is opened for the next question, when one is asked and not while the page rests.
  open() {
    const now = performance.now();
    if (this.socket || now < this.notBefore) return;
    this.notBefore = now + this.wait;
    this.wait = Math.min(2 * this.wait, REOPEN_MOST_MS);
    const url = new URL(this.address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      this.wait = REOPEN_MS;
      this.heard?.(data);
    };
    socket.onclose = () => this.drop();
  }

  // Null where the socket breaks or is given up before it has brought the answer.
  converse(question, signal) {
    return new Promise((resolve) => {
      const drop = () => this.drop();
      const silent = setTimeout(() => {
        this.notBefore = Infinity;
        drop();
      }, this.silence);
      this.heard = (answer) => {
        this.heard = null;
        clearTimeout(silent);
        signal.removeEventListener("abort", drop);
        resolve(answer);
      };
      // What was asked on this socket would be answered before what is asked next.
      signal.addEventListener("abort", drop);
      this.socket.send(question);
    });
  }

  async post(question, signal) {
    const response = await fetch(this.address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: question,
      signal,
    });
    return response.status >= 500 ? null : response.text();
  }

  drop() {
    const { socket } = this;
    if (!socket) return;
    this.socket = null;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.heard?.(null);
  }

  close() {
    this.notBefore = Infinity;
    this.drop();
  }
}
