// Why the server did not do what was asked of it. Between it and a browser there may be a proxy with pages of its own.

// The reason in lrlab's own words; empty where the answer is none of lrlab's.
async function errorOf(response) {
  const answer = await response.json().catch(() => null);
  return typeof answer?.error === "string" ? answer.error : "";
}

// Asks for a deed; why it was not done, empty where it was. `texts`: lost, and broken with the {status} of the answer.
async function refusalOf(address, texts, asked) {
  try {
    const response = await fetch(address, { method: "POST", body: asked && JSON.stringify(asked) });
    if (response.ok) return "";
    return (await errorOf(response)) || texts.broken.replace("{status}", response.status);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // a TypeError is fetch's word for "not reached"
    return texts.lost;
  }
}
