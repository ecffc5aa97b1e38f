// The metrics of a run, as they come: asks for what was added since the last time.
import {call, ServerError} from './stream.js';
import {t} from './words.js';

// In this order, where a run has them (docs/r1-report.md lists the keys).
export const curves = [
  ['loss', () => t('Loss')], ['held_out_loss', () => t('Held-out loss')], ['reward', () => t('Reward')],
  ['accuracy', () => t('Accuracy')], ['held_out', () => t('Held-out accuracy')], ['thinking_tokens', () => t('Tokens of thinking')],
  ['reply_tokens', () => t('Tokens of replies')], ['entropy', () => t('Entropy')], ['kl', () => t('KL divergence')],
  ['clip_fraction', () => t('Clipped share')], ['grad_norm', () => t('Gradient norm')], ['lr', () => t('Learning rate')],
  ['tokens_per_second', () => t('Tokens per second')],
];

export class RunMetrics {
  constructor(id) {
    this.id = id;
    this.reading = null;  // a promise
    this.clear();
  }

  clear() {
    this.from = 0;
    this.series = new Map();  // key -> [[step, value], ...]
    this.step = 0;
  }

  take(line) {
    let values;
    try {
      values = JSON.parse(line);
    } catch { return false; }
    if (!Number.isFinite(values?.step) || values.step <= this.step) return false;
    this.step = values.step;
    for (const [key, value] of Object.entries(values)) {
      if (key === 'step' || !Number.isFinite(value)) continue;
      if (!this.series.has(key)) this.series.set(key, []);
      this.series.get(key).push([values.step, value]);
    }
    return true;
  }

  // Reads all that is there, once at a time.
  update(signal) {
    this.reading ??= this.read(signal).finally(() => { this.reading = null; });
    return this.reading;
  }

  // A run that was resumed from an earlier step is read anew.
  async read(signal) {
    for (let attempt = 0; attempt < 2; ++attempt) {
      try {
        for (;;) {
          const response = await call(`/server/runs/${this.id}?from=${this.from}`, {signal});
          const bytes = new Uint8Array(await response.arrayBuffer());
          if (!bytes.length) return;
          const lines = new TextDecoder().decode(bytes).split('\n').filter(Boolean);
          if (!lines.every(line => this.take(line))) break;
          this.from += bytes.length;
        }
      } catch (error) {
        if (!(error instanceof ServerError && error.status === 409)) throw error;
      }
      this.clear();
    }
  }
}
