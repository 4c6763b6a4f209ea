(function () {
  'use strict';
  const data = JSON.parse(document.getElementById('report-data').textContent);
  // The namespace is read off the page: the page itself then names no address at all.
  const svgNamespace = document.querySelector('svg').namespaceURI;
  const tip = document.getElementById('tip');
  const resetButton = document.getElementById('reset');
  const charts = [];
  let view = [0, data.step];
  let forcedWidth = 0;

  function node(name, attributes, parent, text) {
    const element = document.createElementNS(svgNamespace, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.appendChild(element);
    return element;
  }

  function digits(value) {
    const size = Math.abs(value);
    return size >= 99.95 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
  }

  function seconds(value) {
    const size = Math.abs(value);
    if (size === 0) return '0 s';
    if (size < 999.5e-6) return digits(value * 1e6) + ' µs';
    return size < 0.9995 ? digits(value * 1e3) + ' ms' : digits(value) + ' s';
  }

  function bytes(value) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let unit = 0;
    while (Math.abs(value) >= 1024 && unit < 4) { value /= 1024; unit++; }
    return (unit === 0 ? value.toFixed(0) : digits(value)) + ' ' + units[unit];
  }

  function rate(value) {
    const units = ['B/s', 'KB/s', 'MB/s', 'GB/s', 'TB/s'];
    let unit = 0;
    while (Math.abs(value) >= 999.5 && unit < 4) { value /= 1000; unit++; }
    return digits(value) + ' ' + units[unit];
  }

  const percent = value => (value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0) + ' %';

  /* Both ends of a name tell more than its middle: the layer and what it is in it. */
  function shorten(text, most) {
    if (text.length <= most) return text;
    const start = Math.ceil((most - 1) * .4);
    return text.slice(0, start) + '…' + text.slice(text.length - (most - 1 - start));
  }

  function niceStep(span, count, base) {
    const rough = span / Math.max(1, count);
    const power = Math.pow(base, Math.floor(Math.log(rough) / Math.log(base)));
    const steps = base === 10 ? [1, 2, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
    return power * steps.find(s => s * power >= rough * 0.999999);
  }

  function timeLabel(value, step) {
    const scale = view[1] < 999.5e-6 ? [1e6, 'µs'] : view[1] < 0.9995 ? [1e3, 'ms'] : [1, 's'];
    const decimals = Math.max(0, -Math.floor(Math.log10(step * scale[0]) + 1e-9));
    return (value * scale[0]).toFixed(decimals) + ' ' + scale[1];
  }

  function byteLabel(value, step) {
    let unit = 1, name = 'B';
    for (const [size, label] of [[1024, 'KiB'], [1048576, 'MiB'], [1073741824, 'GiB'], [1099511627776, 'TiB']])
      if (step * 4 >= size) { unit = size; name = label; }
    const decimals = step / unit >= 1 ? 0 : step / unit >= 0.5 ? 1 : 2;
    return value === 0 ? '0' : (value / unit).toFixed(decimals) + ' ' + name;
  }

  /* One chart: options.height, options.left (margin), options.top, options.draw(frame), options.tip(frame, t, y). */
  function chart(id, options) {
    const host = document.getElementById(id);
    if (!host) return;
    const self = { host, options };
    charts.push(self);
    host.addEventListener('pointermove', event => hover(self, event));
    host.addEventListener('pointerleave', () => { tip.style.display = 'none'; cursorAt(null); });
    host.addEventListener('pointerdown', event => {
      if (event.pointerType !== 'mouse' || event.button !== 0) return;
      const t = timeAt(self, event);
      if (t !== null) { self.drag = t; host.setPointerCapture(event.pointerId); }
    });
    host.addEventListener('pointerup', event => finishDrag(self, event));
    host.addEventListener('dblclick', () => zoom(0, data.step));
  }

  function render(self) {
    const { host, options } = self;
    const width = forcedWidth || host.clientWidth || 900;
    const left = options.left ? options.left(width) : width < 560 ? 54 : 70;
    const frame = { width, left, right: 10, top: options.top || 8, bottom: 24, height: options.height(width) };
    frame.plotWidth = width - frame.left - frame.right;
    frame.plotHeight = frame.height - frame.top - frame.bottom;
    frame.x = t => frame.left + (t - view[0]) / (view[1] - view[0]) * frame.plotWidth;
    const svg = node('svg', { width, height: frame.height, viewBox: `0 0 ${width} ${frame.height}`, role: 'img', 'aria-label': host.dataset.label || '' });
    const clip = 'clip-' + host.id;
    node('rect', { x: frame.left, y: 0, width: Math.max(0, frame.plotWidth), height: frame.height - frame.bottom }, node('clipPath', { id: clip }, node('defs', {}, svg)));
    frame.svg = svg;
    frame.grid = node('g', {}, svg);
    frame.body = node('g', { 'clip-path': `url(#${clip})` }, svg);
    timeAxis(frame);
    options.draw(frame);
    frame.selection = node('rect', { class: 'selection', x: 0, y: frame.top, width: 0, height: frame.plotHeight }, svg);
    frame.cursor = node('line', { class: 'cursor', x1: -9, x2: -9, y1: frame.top, y2: frame.height - frame.bottom }, svg);
    self.frame = frame;
    host.replaceChildren(svg);
  }

  function timeAxis(frame) {
    const bottom = frame.height - frame.bottom;
    const step = niceStep(view[1] - view[0], frame.plotWidth / 95, 10);
    for (let i = Math.ceil(view[0] / step - 1e-9); i * step <= view[1] * (1 + 1e-9); i++) {
      const x = frame.x(i * step);
      node('line', { class: 'grid', x1: x, x2: x, y1: frame.top, y2: bottom }, frame.grid);
      const last = x > frame.width - frame.right - 24;
      node('text', { x: last ? frame.width - frame.right : x, y: bottom + 16, 'text-anchor': last ? 'end' : i === 0 ? 'start' : 'middle' }, frame.svg, timeLabel(i * step, step));
    }
    node('line', { class: 'axis', x1: frame.left, x2: frame.width - frame.right, y1: bottom, y2: bottom }, frame.grid);
  }

  function valueAxis(frame, most, step, label) {
    frame.y = value => frame.height - frame.bottom - value / most * frame.plotHeight;
    for (let value = 0; value <= most * (1 + 1e-9); value += step) {
      const y = frame.y(value);
      if (value > 0) node('line', { class: 'grid', x1: frame.left, x2: frame.width - frame.right, y1: y, y2: y }, frame.grid);
      node('text', { x: frame.left - 7, y: y + 4, 'text-anchor': 'end' }, frame.svg, label(value, step));
    }
  }

  function phases(frame) {
    for (const [phase, start, end] of data.phases) {
      const from = Math.max(frame.x(start), frame.left), to = Math.min(frame.x(end), frame.left + frame.plotWidth);
      if (to <= from) continue;
      node('rect', { x: from, y: frame.top, width: to - from, height: frame.plotHeight, fill: `var(--${phase})` }, frame.body);
      if (to - from > 70) node('text', { x: (from + to) / 2, y: frame.top + 13, 'text-anchor': 'middle' }, frame.body, phase);
    }
  }

  /* A step function as a path; with area, closed down to the axis. */
  function stepPath(frame, times, values, area) {
    let path = '';
    for (let i = 0; i < times.length; i++) {
      const x = frame.x(times[i]).toFixed(1), y = frame.y(values[i]).toFixed(1);
      path += i === 0 ? (area ? `M${x} ${frame.y(0)}V${y}` : `M${x} ${y}`) : `H${x}V${y}`;
    }
    path += `H${frame.x(data.step).toFixed(1)}`;
    return area ? path + `V${frame.y(0)}Z` : path;
  }

  function bucketPath(frame, values, width, base) {
    let path = '', low = '';
    for (let i = 0; i < values.length; i++) {
      const from = frame.x(i * width).toFixed(1), to = frame.x((i + 1) * width).toFixed(1);
      const bottom = base ? base[i] : 0;
      path += `${i === 0 ? 'M' : 'L'}${from} ${frame.y(bottom + values[i]).toFixed(1)}H${to}`;
      low = `L${to} ${frame.y(bottom).toFixed(1)}H${from}` + low;
    }
    return path + low + 'Z';
  }

  function valueAt(times, values, t) {
    let low = 0, high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= t) low = middle; else high = middle - 1;
    }
    return values[low];
  }

  function timeAt(self, event) {
    const frame = self.frame;
    const x = event.clientX - self.host.getBoundingClientRect().left;
    if (x < frame.left || x > frame.left + frame.plotWidth) return null;
    return view[0] + (x - frame.left) / frame.plotWidth * (view[1] - view[0]);
  }

  function cursorAt(t) {
    for (const { frame } of charts) {
      const x = t === null ? -9 : frame.x(t);
      frame.cursor.setAttribute('x1', x);
      frame.cursor.setAttribute('x2', x);
    }
  }

  function hover(self, event) {
    const t = timeAt(self, event);
    const y = event.clientY - self.host.getBoundingClientRect().top;
    cursorAt(t);
    const text = self.options.tip(self.frame, t, y);
    if (!text) { tip.style.display = 'none'; return; }
    tip.textContent = text;
    tip.style.display = 'block';
    const box = tip.getBoundingClientRect();
    const x = event.clientX + 16 + box.width > innerWidth ? event.clientX - 16 - box.width : event.clientX + 16;
    tip.style.left = Math.max(4, x) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 4)) + 'px';
    if (self.drag !== undefined && t !== null) {
      const from = self.frame.x(Math.min(self.drag, t)), to = self.frame.x(Math.max(self.drag, t));
      self.frame.selection.setAttribute('x', from);
      self.frame.selection.setAttribute('width', to - from);
    }
  }

  function finishDrag(self, event) {
    if (self.drag === undefined) return;
    const from = self.drag, to = timeAt(self, event);
    self.drag = undefined;
    self.frame.selection.setAttribute('width', 0);
    if (to !== null && Math.abs(self.frame.x(to) - self.frame.x(from)) > 8) zoom(Math.min(from, to), Math.max(from, to));
  }

  function zoom(from, to) {
    view = [from, to];
    resetButton.disabled = from === 0 && to === data.step;
    renderAll();
  }

  function renderAll() { charts.forEach(render); }

  const at = t => 'at ' + seconds(t);

  chart('memory', {
    height: width => width < 560 ? 240 : 320,
    draw(frame) {
      phases(frame);
      const most = Math.max(data.budget, ...data.memory.with.v, ...data.memory.without.v) * 1.06;
      valueAxis(frame, most, niceStep(most, frame.plotHeight / 44, 1024), byteLabel);
      node('path', { d: stepPath(frame, data.memory.without.t, data.memory.without.v), fill: 'none', stroke: 'var(--without)', 'stroke-width': 1.3 }, frame.body);
      node('path', { d: stepPath(frame, data.memory.with.t, data.memory.with.v, true), fill: 'var(--with)', 'fill-opacity': .22 }, frame.body);
      node('path', { d: stepPath(frame, data.memory.with.t, data.memory.with.v), fill: 'none', stroke: 'var(--with)', 'stroke-width': 1.5 }, frame.body);
      const y = frame.y(data.budget);
      node('line', { x1: frame.left, x2: frame.width - frame.right, y1: y, y2: y, stroke: 'var(--budget)', 'stroke-width': 1.5, 'stroke-dasharray': '6 4' }, frame.body);
    },
    tip(frame, t) {
      if (t === null) return '';
      return [at(t), 'with the plan: ' + bytes(valueAt(data.memory.with.t, data.memory.with.v, t)),
        'without: ' + bytes(valueAt(data.memory.without.t, data.memory.without.v, t)), 'budget: ' + bytes(data.budget)].join('\n');
    },
  });

  const rowHeight = 17;
  chart('lifetimes', {
    height: () => data.lifetimes.length * rowHeight + 8 + 24,
    left: width => width < 560 ? 118 : Math.min(300, width * .27),
    draw(frame) {
      const most = Math.floor((frame.left - 12) / 6.3);
      data.lifetimes.forEach((row, i) => {
        const y = frame.top + i * rowHeight + 3, height = rowHeight - 6;
        const name = shorten(row.name, most);
        node('text', { class: 'row', x: frame.left - 7, y: y + height - 1, 'text-anchor': 'end' }, frame.svg, name);
        const bar = (from, to, attributes) => {
          const x = frame.x(from);
          node('rect', Object.assign({ x: x.toFixed(1), y, width: Math.max(.6, frame.x(to) - x).toFixed(1), height }, attributes), frame.body);
        };
        for (const [start, end] of row.alive) bar(start, end, { fill: `var(--${row.kind})`, 'fill-opacity': .75, rx: 2 });
        for (const [start, end, state] of row.moves) {
          bar(start, end, { fill: 'var(--card)' });
          if (state === 'away') node('line', { x1: frame.x(start), x2: frame.x(end), y1: y + height / 2, y2: y + height / 2, stroke: `var(--${row.kind})`, 'stroke-width': 1, 'stroke-dasharray': '2 3' }, frame.body);
          else bar(start, end, { fill: state === 'leaving' ? 'var(--write)' : 'var(--read)' });
        }
        let path = '';
        for (const use of row.uses) path += `M${frame.x(use).toFixed(1)} ${y}v${height}`;
        if (path) node('path', { d: path, stroke: 'var(--ink)', 'stroke-opacity': .55, 'stroke-width': 1, fill: 'none' }, frame.body);
      });
    },
    tip(frame, t, y) {
      const row = data.lifetimes[Math.floor((y - frame.top) / rowHeight)];
      if (!row) return '';
      const lines = [row.name, bytes(row.bytes) + ', ' + row.what];
      if (t !== null) {
        const inside = ([start, end]) => t >= start && t <= end;
        const move = row.moves.find(inside);
        lines.push(at(t) + ': ' + (!row.alive.some(inside) ? 'does not exist' : move ? move[2] : 'in memory'));
      }
      return lines.join('\n');
    },
  });

  for (const [index, path] of data.paths.entries()) {
    chart('path-' + index, {
      height: () => 112,
      draw(frame) {
        const most = Math.max(path.bandwidth, ...path.rates);
        valueAxis(frame, most, path.bandwidth / 2, value => percent(value / path.bandwidth));
        node('path', { d: bucketPath(frame, path.rates, path.bucket), fill: `var(--${path.colour})`, 'fill-opacity': .75 }, frame.body);
      },
      tip(frame, t) {
        if (t === null) return '';
        const value = path.rates[Math.min(path.rates.length - 1, Math.floor(t / path.bucket))];
        return [path.name + ' ' + at(t), rate(value) + ' (' + percent(value / path.bandwidth) + ' of ' + rate(path.bandwidth) + ')'].join('\n');
      },
    });
  }

  chart('stalls', {
    height: () => 130,
    draw(frame) {
      valueAxis(frame, 1, .5, percent);
      const base = new Array(data.stalls.buckets).fill(0);
      for (const cause of data.stalls.causes) {
        node('path', { d: bucketPath(frame, cause.shares, data.stalls.bucket, base.slice()), fill: `var(--${cause.colour})` }, frame.body);
        cause.shares.forEach((share, i) => { base[i] += share; });
      }
    },
    tip(frame, t) {
      if (t === null) return '';
      const i = Math.min(data.stalls.buckets - 1, Math.floor(t / data.stalls.bucket));
      return [at(t)].concat(data.stalls.causes.map(c => c.name + ': ' + percent(c.shares[i]) + ' of the time')).join('\n');
    },
  });

  resetButton.addEventListener('click', () => zoom(0, data.step));
  let pending = 0;
  addEventListener('resize', () => { cancelAnimationFrame(pending); pending = requestAnimationFrame(renderAll); });
  addEventListener('beforeprint', () => { forcedWidth = 660; zoom(0, data.step); });
  addEventListener('afterprint', () => { forcedWidth = 0; renderAll(); });
  zoom(0, data.step);
})();
