// Images being added: files sent to the server, then the import there, watched to its end. No node is touched here.
//
// It outlives the control that started it: a person may look at another page meanwhile and come back.

const PIECE_BYTES = 8 * 1024 * 1024; // of one request: small files bundled, large ones sliced; see framing.py
const PIECE_FILES = 400;
const LANES = 3; // requests at a time, of the six connections that a browser grants a host
const HEADER_BYTES = 20;
const PATIENCE_MS = 120000; // how long a lost connection is tried again
const ASK_MS = 330;
const RATE_MS = 4000; // the rate shown is that of the last seconds

class Gone extends Error {} // stopped by the person, or by an error elsewhere
class Offline extends Error {}

class Addition {
  // `way`: "files", "path", "sample", or "other" for an import that this tab did not start.
  constructor(way, api, texts) {
    this.way = way;
    this.api = api;
    this.texts = texts;
    this.phase = "starting"; // then "sending", "importing", and at last "added", "failed" or "cancelled"
    this.changed = () => {};
    this.requests = new Set();
    this.name = "";
    this.upload = null;
    this.importing = null;
    this.interrupted = false;
    this.leave = (event) => this.phase === "sending" && event.preventDefault();
    this.vanish = () => this.upload && fetch(`${this.api}/uploads/${this.upload}`, { method: "DELETE", keepalive: true });
    window.addEventListener("beforeunload", this.leave);
    window.addEventListener("pagehide", this.vanish);
  }

  get over() {
    return ["added", "failed", "cancelled"].includes(this.phase);
  }

  // ---- the three ways in --------------------------------------------------------------------------------------

  send(name, files) {
    this.name = name;
    return this.guard(async () => {
      this.files = files.length;
      this.bytes = files.reduce((sum, { file }) => sum + file.size, 0);
      this.sentBytes = this.sentFiles = 0;
      this.inFlight = new Map();
      this.samples = [];
      const listed = files.map(({ path, file }) => [path, file.size]);
      this.upload = (await this.ask("POST", "/uploads", { name, files: listed })).id;
      if (this.over) return this.stop();
      this.become("sending");
      const queue = pieces(files);
      await Promise.all(Array.from({ length: LANES }, () => this.lane(queue)));
      await this.watch(await this.handOver());
    });
  }

  // {path, name} on the server, or {name, sample: true}
  take(wish) {
    this.name = wish.name;
    return this.guard(async () => this.watch((await this.ask("POST", "/imports", wish)).import));
  }

  // An import that was started earlier.
  follow(id, name) {
    this.name = name;
    return this.guard(() => this.watch(id));
  }

  cancel() {
    if (this.importing) {
      this.cancelling = true;
      this.changed();
      return this.endImport(); // watch() sees its end
    }
    this.become("cancelled");
    this.stop();
  }

  // ---- how it stands ------------------------------------------------------------------------------------------

  get sent() {
    let sent = this.sentBytes;
    for (const share of this.inFlight.values()) sent += share;
    return Math.min(sent, this.bytes);
  }

  // Bytes per second over the last seconds; 0 until that is known.
  get rate() {
    const now = performance.now();
    this.samples.push([now, this.sent]);
    while (this.samples.length > 2 && now - this.samples[0][0] > RATE_MS) this.samples.shift();
    const [[since, before]] = this.samples;
    return now - since < 500 ? 0 : ((this.sent - before) / (now - since)) * 1000;
  }

  // ---- inside -------------------------------------------------------------------------------------------------

  async guard(deed) {
    try {
      await deed();
    } catch (error) {
      if (error instanceof Gone || this.over) return this.stop();
      this.error = { message: sentence(error), field: error.field ?? null };
      this.become("failed");
      this.stop();
    }
  }

  become(phase) {
    this.phase = phase;
    if (this.over) {
      window.removeEventListener("beforeunload", this.leave);
      window.removeEventListener("pagehide", this.vanish);
    }
    this.changed();
  }

  stop() {
    for (const request of this.requests) request.abort();
    if (this.upload) fetch(`${this.api}/uploads/${this.upload}`, { method: "DELETE" }).catch(() => {});
    this.upload = null;
  }

  endImport() {
    return fetch(`${this.api}/imports/${this.importing}`, { method: "DELETE" }).catch(() => {});
  }

  async ask(method, path, body) {
    const response = await fetch(this.api + path, {
      method,
      headers: body ? { "content-type": "application/json" } : {},
      body: body && JSON.stringify(body),
    }).catch(() => {
      throw new Offline(this.texts.offline);
    });
    const answer = await response.json().catch(() => ({ error: fill(this.texts.broken, { status: response.status }) }));
    if (!response.ok) throw Object.assign(new Error(answer.error), { field: answer.field });
    return answer;
  }

  // From here on the import owns the upload and deletes it; deleted under its hands, half of it would be taken in.
  async handOver() {
    const { upload } = this;
    this.upload = null;
    try {
      return (await this.ask("POST", `/uploads/${upload}/import`, { name: this.name })).import;
    } catch (error) {
      this.upload = upload;
      throw error;
    }
  }

  async lane(queue) {
    // A large file stays in one lane, since its slices come one after another.
    for (let next = queue.next(); !next.done; next = queue.next()) {
      for (const piece of next.value) await this.deliver(piece);
    }
  }

  async deliver(piece) {
    const body = new Blob(piece.parts.flatMap((part) => [header(part), part.data])); // read from disk while it is sent
    for (let pause = 500, since = performance.now(); ; pause = Math.min(2 * pause, 8000)) {
      const answer = await this.put(piece, body);
      if (this.over) throw new Gone();
      if (answer.ok) break;
      if (answer.error) throw answer.error;
      await readable(piece, this.texts);
      if (performance.now() - since > PATIENCE_MS) throw new Error(this.texts.lost);
      this.interrupted = true;
      this.changed();
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (this.over) throw new Gone();
    }
    this.interrupted = false;
    this.sentBytes += piece.bytes;
    this.sentFiles += piece.files;
    this.changed();
  }

  // {ok}, {error} where the server refused, {} where the connection failed. fetch tells no progress of what it sends.
  put(piece, body) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      this.requests.add(request);
      request.upload.onprogress = ({ loaded, total }) => {
        this.inFlight.set(request, total ? (piece.bytes * loaded) / total : 0);
        this.changed();
      };
      request.onloadend = () => {
        this.requests.delete(request);
        this.inFlight.delete(request);
        if (request.status === 200) return resolve({ ok: true });
        if (request.status < 400 || request.status >= 500) return resolve({});
        let answer = {};
        try {
          answer = JSON.parse(request.responseText);
        } catch {
          answer = { error: fill(this.texts.broken, { status: request.status }) };
        }
        resolve({ error: Object.assign(new Error(answer.error), { field: answer.field }) });
      };
      request.open("PUT", `${this.api}/uploads/${this.upload}/files`);
      request.setRequestHeader("content-type", "application/octet-stream");
      request.send(body);
    });
  }

  async watch(id) {
    this.importing = id;
    if (this.over) return this.endImport();
    this.become("importing");
    for (;;) {
      try {
        this.status = await this.ask("GET", `/imports/${id}`);
        this.interrupted = false;
      } catch (error) {
        if (!(error instanceof Offline)) throw error;
        this.interrupted = true; // the import goes on without us, and we ask again
      }
      const { state, dataset_id: dataset, error, field } = this.status ?? {};
      if (state === "succeeded") {
        this.dataset = dataset;
        return this.become("added");
      }
      if (state === "cancelled") return this.become("cancelled");
      if (state === "failed" || state === "lost") throw Object.assign(new Error(error), { field });
      this.changed();
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }
}

// An answer such as "name: got ..." stands beside its field here.
function sentence({ message, field }) {
  if (!field || !message.startsWith(`${field}: `)) return message;
  const text = message.slice(field.length + 2);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// Rows of pieces: a bundle of small files is a row of one, the slices of a large file are a row of many.
function* pieces(files) {
  let parts = [];
  let bytes = 0;
  const bundle = () => ({ parts, bytes, files: parts.length });
  for (const [number, { path, file }] of files.entries()) {
    if (file.size > PIECE_BYTES) {
      yield slices(number, path, file);
      continue;
    }
    if (parts.length === PIECE_FILES || bytes + file.size > PIECE_BYTES) {
      yield [bundle()];
      [parts, bytes] = [[], 0];
    }
    parts.push({ number, path, start: 0, data: file });
    bytes += file.size;
  }
  if (parts.length > 0) yield [bundle()];
}

function* slices(number, path, file) {
  for (let start = 0; start < file.size; start += PIECE_BYTES) {
    const data = file.slice(start, start + PIECE_BYTES);
    yield { parts: [{ number, path, start, data }], bytes: data.size, files: start + data.size === file.size ? 1 : 0 };
  }
}

function header({ number, start, data }) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  view.setUint32(0, number, true);
  view.setBigUint64(4, BigInt(start), true);
  view.setBigUint64(12, BigInt(data.size), true);
  return view.buffer;
}

// A file that was moved or changed since it was chosen looks like a lost connection, but will never be sent.
async function readable(piece, texts) {
  for (const { path, data } of piece.parts) {
    try {
      await data.slice(0, 1).arrayBuffer();
    } catch {
      throw new Error(fill(texts.unreadable, { name: path }));
    }
  }
}
