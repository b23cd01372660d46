// Images being added: files sent to the server, then the import there, watched to its end. No node is touched here.
//
// It outlives the control that started it: a person may look at another page meanwhile and come back.

const LANES = 3; // requests at a time, of the six connections that a browser grants a host
const PATIENCE_MS = 120000; // how long a lost connection is tried again
const SILENCE_MS = 300000; // a request that gets nothing out for so long hangs on a dead connection; slow ones wait for the last answer
const AWAY = new Set([502, 503, 504]); // a proxy's words for a server that is not there
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
    this.handed = false; // whether all files were on the server
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

  // `arrived`: the upload in which all of `files` are on the server already, where only the name was refused.
  send(name, files, arrived = null) {
    this.name = name;
    this.upload = arrived;
    return this.guard(async () => {
      if (arrived) return this.watch(await this.handOver());
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
      if (this.arrived === null) this.stop();
    }
  }

  // The upload that is still there, whole, after its name was refused: two people may have sent a set of one name.
  get arrived() {
    const whole = this.upload !== null && this.phase === "failed" && this.error.field === "name" && this.handed;
    return whole ? this.upload : null;
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
    if (this.upload) dropUpload(this.api, this.upload);
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
    if (AWAY.has(response.status)) throw new Offline(this.texts.offline);
    const answer = await response.json().catch(() => ({ error: fill(this.texts.broken, { status: response.status }) }));
    if (!response.ok) throw Object.assign(new Error(answer.error), { field: answer.field });
    return answer;
  }

  // From here on the import owns the upload and deletes it; deleted under its hands, half of it would be taken in.
  async handOver() {
    const { upload } = this;
    this.upload = null;
    this.handed = true;
    for (let pauses = new Pauses(); ; ) {
      try {
        return (await this.ask("POST", `/uploads/${upload}/import`, { name: this.name })).import;
      } catch (error) {
        // A refusal leaves the upload with us. Without an answer nobody knows; asked again, the server tells the same.
        if (!(error instanceof Offline)) this.upload = upload;
        if (!(error instanceof Offline) || pauses.over) throw error;
      }
      this.interrupted = true;
      this.changed();
      await pauses.next();
      if (this.over) throw new Gone();
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
    for (let pauses = new Pauses(); ; ) {
      const answer = await this.put(piece, body);
      if (this.over) throw new Gone();
      if (answer.ok) break;
      if (answer.error) throw answer.error;
      await readable(piece, this.texts);
      if (pauses.over) throw new Error(this.texts.lost);
      this.interrupted = true;
      this.changed();
      await pauses.next();
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
      let silence = null;
      const heard = () => {
        clearTimeout(silence);
        silence = setTimeout(() => request.abort(), SILENCE_MS);
      };
      request.upload.onprogress = ({ loaded, total }) => {
        heard();
        this.inFlight.set(request, total ? (piece.bytes * loaded) / total : 0);
        this.changed();
      };
      request.onloadend = () => {
        clearTimeout(silence);
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
      heard();
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

// The waits between attempts: half a second, then longer and longer, until patience ends.
class Pauses {
  constructor() {
    this.began = performance.now();
    this.pause = 500;
  }

  get over() {
    return performance.now() - this.began > PATIENCE_MS;
  }

  next() {
    const { pause } = this;
    this.pause = Math.min(2 * pause, 8000);
    return new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function dropUpload(api, upload) {
  return fetch(`${api}/uploads/${upload}`, { method: "DELETE" }).catch(() => {}); // the server sweeps what is left
}

// An answer such as "name: got ..." stands beside its field here.
function sentence({ message, field }) {
  if (!field || !message.startsWith(`${field}: `)) return message;
  const text = message.slice(field.length + 2);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
