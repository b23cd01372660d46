// What a person chose or dropped, as a list of {path, file}: one zip, or all files of folders with their paths in them.

class Refusal extends Error {}

// {name, zip, files} of a drop or a choice; `found(count)` is called while a folder is being read. Throws Refusal.
async function filesOfDrop(transfer, texts, found) {
  // The entries must be taken before anything is awaited: afterwards the browser empties the list.
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const roots = entries.filter(Boolean);
  const folders = roots.filter((root) => root.isDirectory);
  if (folders.length === 0) return filesOfChoice(await Promise.all(roots.map(asFile)), texts);
  const files = [];
  for (const root of roots) await walk(root, files, () => found(files.length));
  return chosen(folders.length === 1 ? folders[0].name : texts.unnamed, files, texts);
}

// `list`: Files, from a zip input or from a folder input (whose files know their path).
function filesOfChoice(list, texts) {
  const files = list.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  if (files.some(({ path }) => path.includes("/"))) return chosen(files[0].path.split("/")[0], files, texts);
  const zips = files.filter(({ path }) => /\.zip$/i.test(path));
  if (files.length === 0) throw new Refusal(texts.nothing);
  if (zips.length === 0) throw new Refusal(files.length === 1 ? fill(texts.neither, { name: files[0].path }) : texts.loose);
  if (files.length > 1) throw new Refusal(texts.one_zip);
  return { name: files[0].path.replace(/\.zip$/i, ""), zip: files[0].path, files };
}

function chosen(name, files, texts) {
  // What lies hidden (.git, .env) is no image and none of our business.
  const seen = files.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  if (seen.length === 0) throw new Refusal(fill(texts.empty, { name }));
  return { name, zip: null, files: seen };
}

async function walk(entry, files, found) {
  if (entry.isFile) {
    files.push({ path: entry.fullPath.replace(/^\//, ""), file: await asFile(entry) });
    if (files.length % 100 === 0) found();
  } else if (entry.isDirectory) {
    const reader = entry.createReader();
    // A reader hands out about a hundred entries at a time, and an empty list at its end.
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      await Promise.all(some.filter((inner) => inner.isFile).map((inner) => walk(inner, files, found)));
      for (const inner of some) if (inner.isDirectory) await walk(inner, files, found);
    }
  }
}

function asFile(entry) {
  return entry instanceof File ? entry : new Promise((resolve, reject) => entry.file(resolve, reject));
}

// "{n} of {all}" with its values.
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}
