// Which part of a map is in the picture, and how large.

const CLOSEST = 60; // times the whole map
const WIDEST = 0.5;

export class Camera {
  constructor() {
    this.home = null; // [[left, right], [low, high]]
    this.size = [1, 1]; // of the free part of the picture, CSS pixels
    this.moved = false;
  }

  // The whole map is this much; whoever has zoomed stays where they are.
  fit(sides, size) {
    const zoom = this.moved && this.home ? this.zoom : 1;
    this.home = sides;
    this.size = size;
    if (this.moved) this.scale = zoom * this.base;
    else this.whole();
  }

  get base() {
    const [[left, right], [low, high]] = this.home;
    return Math.min(this.size[0] / (right - left), this.size[1] / (high - low));
  }

  get zoom() {
    return this.scale / this.base;
  }

  whole() {
    const [[left, right], [low, high]] = this.home;
    this.scale = this.base;
    this.x = (left + right) / 2;
    this.y = (low + high) / 2;
    this.moved = false;
  }

  // From the map to the picture, and back.
  to(x, y) {
    return [(x - this.x) * this.scale + this.size[0] / 2, this.size[1] / 2 - (y - this.y) * this.scale];
  }

  from(px, py) {
    return [(px - this.size[0] / 2) / this.scale + this.x, (this.size[1] / 2 - py) / this.scale + this.y];
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
    const [[left, right], [low, high]] = this.home;
    this.x = Math.min(Math.max(this.x, left), right);
    this.y = Math.min(Math.max(this.y, low), high);
    this.moved = true;
  }

  // Zoom by a factor; what lies at (px, py) of the picture stays there.
  by(factor, px = this.size[0] / 2, py = this.size[1] / 2) {
    const [x, y] = this.from(px, py);
    this.scale = Math.min(Math.max(this.scale * factor, WIDEST * this.base), CLOSEST * this.base);
    const [nx, ny] = this.from(px, py);
    this.x += x - nx;
    this.y += y - ny;
    this.moved = true;
  }
}
