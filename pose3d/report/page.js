"use strict";
// All data is one JSON object: poses in mm (camera frame), images as tiles of one PNG, maps as bytes.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const quiet = { displayModeBar: false, responsive: true };
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const count = data.titles.length;
  const byTime = [...Array(count).keys()];
  const byError = [...byTime].sort((a, b) => data.errors[b] - data.errors[a]);
  let order = byTime, place = 0, timer = null;

  // -- skeletons: one trace per side of the body, in each of two scenes with the same camera
  const parts = Object.entries(data.parts); // [side, {edges, colour, dash}]
  function coordinates(pose, edges) {
    const x = [], y = [], z = [];
    for (const [parent, child] of edges) {
      for (const joint of [parent, child]) {
        // y points down in the camera frame: height is -y, and the depth points to the back.
        x.push(pose[joint][0]); y.push(pose[joint][2]); z.push(-pose[joint][1]);
      }
      x.push(null); y.push(null); z.push(null);
    }
    return { x, y, z };
  }
  function traces(frame) {
    const found = [];
    for (const [scene, poses] of [["scene", data.predictions], ["scene2", data.truths]]) {
      for (const [side, part] of parts) {
        found.push({
          type: "scatter3d", mode: "lines+markers", scene: scene, name: side, showlegend: false,
          line: { color: part.colour, width: 7, dash: part.dash }, marker: { color: part.colour, size: 3 },
          hoverinfo: "skip", ...coordinates(poses[frame], part.edges),
        });
      }
    }
    return found;
  }
  const skeletons = $("skeletons");
  const narrow = skeletons.clientWidth < 600; // a phone: farther away, smaller font
  const far = narrow ? 1.95 : 1.6;
  function camera(azimuth, elevation) {
    const a = azimuth * Math.PI / 180, e = elevation * Math.PI / 180;
    return { eye: { x: far * Math.cos(e) * Math.cos(a), y: far * Math.cos(e) * Math.sin(a), z: far * Math.sin(e) },
             up: { x: 0, y: 0, z: 1 }, center: { x: 0, y: 0, z: -0.1 } };
  }
  let azimuth = -70, elevation = 12; // the camera's view, rotated a little to show the depth
  const extents = data.ranges.map(([low, high]) => high - low), longest = Math.max(...extents);
  const ratio = { x: extents[0] / longest, y: extents[2] / longest, z: extents[1] / longest }; // equal scales
  function scene(left, right) {
    const axis = (title, range) => ({
      title: { text: title, font: { size: narrow ? 11 : 14 } }, range, nticks: 5,
      tickfont: { size: narrow ? 9 : 12 }, showspikes: false,
    });
    return {
      domain: { x: [left, right], y: [0, 1] }, aspectmode: "manual", aspectratio: ratio, camera: camera(azimuth, elevation),
      xaxis: axis("x (mm)", data.ranges[0]), yaxis: axis("z, depth (mm)", data.ranges[2]),
      zaxis: axis("-y (mm)", [-data.ranges[1][1], -data.ranges[1][0]]),
    };
  }
  const heading = (text, x) => ({
    text, x, y: 1, xref: "paper", yref: "paper", yanchor: "bottom", showarrow: false, font: { size: 15 },
  });
  function turned(view) {
    return { "scene.camera": view, "scene2.camera": view };
  }
  let following = false;
  function follow(event) {
    const view = event["scene.camera"] || event["scene2.camera"];
    if (!view || following) return;
    following = true;
    const { x, y, z } = view.eye;
    azimuth = Math.atan2(y, x) * 180 / Math.PI;
    elevation = Math.atan2(z, Math.hypot(x, y)) * 180 / Math.PI;
    Plotly.relayout(skeletons, turned(view)).then(() => { following = false; });
  }

  // -- image, with the detection map of a joint over it
  const canvas = $("picture"), context = canvas.getContext("2d"), tiles = new Image();
  const maps = data.maps && Uint8Array.from(atob(data.maps), (c) => c.charCodeAt(0));
  function paint(frame) {
    const side = data.side, scale = canvas.width / side;
    context.imageSmoothingEnabled = false;
    context.drawImage(tiles, (frame % data.columns) * side, Math.floor(frame / data.columns) * side, side, side,
      0, 0, canvas.width, canvas.height);
    const joint = Number($("joint").value);
    if (!maps || joint < 0) return;
    data.windows.forEach(([x0, y0, x1, y1], w) => {
      const probability = maps[(frame * data.joints.length + joint) * data.windows.length + w] / 255;
      const box = [(x0 + 0.5) * scale, (y0 + 0.5) * scale, (x1 - x0) * scale, (y1 - y0) * scale];
      context.fillStyle = `rgba(240, 228, 66, ${0.75 * probability})`;
      context.fillRect(...box);
      if (probability > 0.5) {
        context.strokeStyle = "#fff";
        context.lineWidth = 2;
        context.strokeRect(...box);
      }
    });
  }

  // -- show a frame, play
  function show(next) {
    place = (next + count) % count;
    const frame = order[place];
    $("frame").value = place;
    $("frame").setAttribute("aria-valuetext", `${data.titles[frame]}, error ${data.errors[frame].toFixed(1)} mm`);
    $("caption").textContent = `${data.titles[frame]} \u2014 error ${data.errors[frame].toFixed(1)} mm`;
    paint(frame);
    const found = traces(frame);
    const update = { x: found.map((t) => t.x), y: found.map((t) => t.y), z: found.map((t) => t.z) };
    Plotly.restyle(skeletons, update, found.map((_, i) => i));
    Plotly.relayout("errors", { "shapes[0].x0": place, "shapes[0].x1": place });
  }
  function play(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => show(place + 1), still ? 500 : 1000 / data.rate) : null;
    $("play").textContent = on ? "Pause" : "Play";
    $("play").setAttribute("aria-pressed", String(on));
  }
  function drawErrors() {
    const marks = [{ type: "line", x0: place, x1: place, y0: 0, y1: 1, yref: "paper", line: { color: "#D55E00" } }];
    const layout = {
      margin: { l: 55, r: 10, t: 25, b: 40 }, shapes: marks, title: { text: "Error of each frame (mm)", font: { size: 14 } },
      xaxis: { title: { text: order === byTime ? "frame shown, by time" : "frame shown, by error" } },
      yaxis: { rangemode: "tozero" }, hovermode: "closest",
    };
    const line = { y: order.map((i) => data.errors[i]), text: order.map((i) => data.titles[i]), type: "scatter",
                   mode: "lines", line: { color: "#0072B2", width: 1.5 }, hovertemplate: "%{text}: %{y:.1f} mm<extra></extra>" };
    return Plotly.react("errors", [line], layout, quiet);
  }

  function start() {
    $("frame").max = count - 1;
    const none = new Option("none", -1);
    $("joint").append(none, ...data.joints.map((name, j) => new Option(name, j)));
    if (!maps) document.querySelector(".maps").hidden = true;
    const layout = {
      margin: { l: 0, r: 0, t: 25, b: 0 }, scene: scene(0, 0.49), scene2: scene(0.51, 1),
      annotations: [heading("prediction", 0.2), heading("ground truth", 0.8)], uirevision: "keep",
    };
    Promise.all([Plotly.newPlot(skeletons, traces(0), layout, quiet), drawErrors()]).then(() => {
      skeletons.on("plotly_relayouting", follow);
      skeletons.on("plotly_relayout", follow);
      $("errors").on("plotly_click", (event) => show(event.points[0].pointIndex));
      show(0);
      document.body.dataset.ready = "yes";
    });
    $("frame").addEventListener("input", (event) => show(Number(event.target.value)));
    $("joint").addEventListener("change", () => paint(order[place]));
    $("play").addEventListener("click", () => play(timer === null));
    $("order").addEventListener("change", (event) => {
      order = event.target.value === "time" ? byTime : byError;
      drawErrors().then(() => show(0));
    });
    for (const button of document.querySelectorAll("[data-turn], [data-lift]")) {
      button.addEventListener("click", () => {
        azimuth += Number(button.dataset.turn || 0);
        elevation = Math.max(-85, Math.min(85, elevation + Number(button.dataset.lift || 0)));
        Plotly.relayout(skeletons, turned(camera(azimuth, elevation)));
      });
    }
  }

  for (const [i, curve] of data.curves.entries()) {
    const place = document.createElement("div");
    place.className = "curve";
    place.id = `curve${i}`;
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", `Learning curve: ${curve.layout.title.text}`);
    $("curves").append(place);
    Plotly.newPlot(place, curve.data, curve.layout, quiet);
  }
  if (count) {
    tiles.onload = start;
    tiles.src = data.tiles;
  }
})();
