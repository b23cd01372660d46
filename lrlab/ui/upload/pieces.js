// Files cut into requests: small ones bundled, large ones sliced, each behind its header; see framing.py.

const PIECE_BYTES = 8 * 1024 * 1024; // of one request
const PIECE_FILES = 400;
const HEADER_BYTES = 20;

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
