// Sends an image to the server that showed this page, and shows what comes back. All foreign text goes in as text.
(() => {
  const part = id => document.getElementById(id);
  const [input, status, failure, result, picture, download] =
    ["file", "status", "failure", "result", "picture", "download"].map(part);
  const { mostBytes, most, header } = document.body.dataset;
  let latest = null; // the image that is worked on; an earlier one is given up
  let address = "";

  const enter = (state, said) => {
    document.body.dataset.state = state;
    status.textContent = said;
    failure.hidden = state !== "failed";
    result.setAttribute("aria-busy", String(state === "working"));
  };
  const fail = said => {
    enter("failed", "");
    failure.textContent = said;
    result.hidden = true;
  };
  const size = bytes => {
    const [factor, unit] = bytes >= 2 ** 20 ? [2 ** 20, "MiB"] : bytes >= 1024 ? [1024, "KiB"] : [1, "B"];
    return `${Number((bytes / factor).toPrecision(3))} ${unit}`;
  };
  const made = (name, said, classes = "") => {
    const element = document.createElement(name);
    element.textContent = said;
    element.className = classes;
    return element;
  };

  const ask = async (file, signal) => {
    if (file.size > Number(mostBytes)) throw new Error(`${file.name} is too large\nIt has ${size(file.size)}; at most ${most} are taken.`);
    const bytes = await file.arrayBuffer().catch(() => {
      throw new Error(`${file.name} cannot be read\nIs it a folder, or has it changed?`);
    });
    const [response, said] = await fetch("mark", { method: "POST", body: bytes, headers: { [header]: "1" }, signal })
      .then(async answer => [answer, await answer.json()])
      .catch(() => { throw new Error("No answer came\nDoes the demo still run in its terminal?"); });
    if (!response.ok) throw new Error(`${file.name} was not marked\n${said.error}`);
    return said;
  };

  const row = (classes, name, took, share, swatch) => {
    const line = made("tr", "", classes);
    const head = made("th", name);
    head.scope = "row";
    if (swatch) head.prepend(made("span", "", `swatch ${swatch}`));
    line.append(head, made("td", took, "number"), made("td", share, "number"));
    return line;
  };
  const showTimes = said => {
    const whole = said.groups.reduce((sum, group) => sum + group.ns, 0) || 1;
    const share = each => `${(100 * each.ns / whole).toFixed(1)} %`;
    const bar = [], rows = [];
    for (const group of said.groups) {
      rows.push(row("group", group.name, group.took, share(group)));
      group.stages.forEach((stage, place) => {
        const shade = `${group.name} s${place % 6}`;
        const piece = made("span", "", shade);
        piece.style.flexGrow = stage.ns / whole;
        piece.title = `${stage.name} ${stage.took}, ${share(stage)}`;
        bar.push(piece);
        rows.push(row("", stage.name, stage.took, share(stage), shade));
      });
    }
    rows.push(row("whole", "all", said.took, "100 %"));
    part("bar").replaceChildren(...bar);
    part("stages").replaceChildren(...rows);
  };
  const showPicture = async (file, png) => {
    const bytes = Uint8Array.from(atob(png), letter => letter.charCodeAt(0));
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    picture.src = download.href = address;
    picture.alt = `${file.name}, marked`;
    download.download = `${file.name.replace(/\.[^.]*$/, "")}-marked.png`;
    await picture.decode().catch(() => { throw new Error("What came back is no picture"); });
    // The browser's own reading of the file; what it cannot read has no size here.
    const original = await createImageBitmap(file).catch(() => null);
    const pixels = original ? `${original.width} × ${original.height} pixels, ` : "";
    original?.close();
    part("about").textContent = `${file.name}, ${pixels}${size(file.size)}`;
  };

  const mark = async files => {
    latest?.abort();
    const mine = latest = new AbortController();
    if (!files.length) return fail("That was no file\nDrop, paste or choose an image file.");
    const file = files[0];
    enter("working", `Working on ${file.name} …`);
    try {
      const said = await ask(file, mine.signal);
      if (mine !== latest) return;
      showTimes(said);
      await showPicture(file, said.png);
      if (mine !== latest) return;
      result.hidden = false;
      const sums = said.groups.map(group => `${group.name} ${group.took}`).join(", ");
      const rest = files.length > 1 ? ` Of ${files.length} files this is the first.` : "";
      enter("done", `Took ${said.took}: ${sums}.`.replace(/(\d) /g, "$1\u00a0") + rest);
    } catch (error) {
      if (mine === latest) fail(error.message);
    }
  };

  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // the same file may be chosen again
    if (files.length) mark(files);
  });
  addEventListener("dragover", event => { event.preventDefault(); document.body.classList.add("over"); });
  addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("over"); });
  addEventListener("drop", event => {
    event.preventDefault();
    document.body.classList.remove("over");
    mark([...event.dataTransfer.files]);
  });
  addEventListener("paste", event => { if (event.clipboardData.files.length) mark([...event.clipboardData.files]); });
})();
