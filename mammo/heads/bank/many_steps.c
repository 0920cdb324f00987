/* Many steps of linear heads with one output each, taken one after another without a word from Python.

   Every sum is taken in an order of its own, whatever rows and images stand beside it: a head comes out the same to the
   last bit in any company. */

#include "update.h"

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#if LANES == 16
#define IMAGES 6 /* as many sums as registers hold */
#else
#define IMAGES 2
#endif

enum { TALL = 4, WIDE = 2, BLOCK = WIDE * LANES, TILE = 128 };

#define INLINE static inline __attribute__((always_inline))

/* Logits of TALL heads, whose weights stand one after another, for `wide` images; a head's are `batch` apart. */
INLINE void forward(float *logits, long batch, const float *weight, const float *bias, const float *const *images,
                    long features, const int wide)
{
    Vector sums[TALL][IMAGES] = {{{0}}};
    long place = 0;
    for (; place + LANES <= features; place += LANES)
        for (int row = 0; row < TALL; row++)
            for (int image = 0; image < wide; image++)
                sums[row][image] += *(const Vector *)(weight + row * features + place) *
                                    *(const Vector *)(images[image] + place);
    for (int row = 0; row < TALL; row++)
        for (int image = 0; image < wide; image++) {
            float sum = bias[row];
            for (int lane = 0; lane < LANES; lane++)
                sum += sums[row][image][lane];
            for (long rest = place; rest < features; rest++)
                sum += weight[row * features + rest] * images[image][rest];
            logits[row * batch + image] = sum;
        }
}

/* Gradients (TALL, BLOCK) of TALL heads at BLOCK features, from errors (TALL, batch) and inputs (batch, TILE). */
INLINE void backward(float *gradients, const float *errors, const float *inputs, long batch)
{
    Vector sums[TALL][WIDE] = {{{0}}};
    for (long image = 0; image < batch; image++)
        for (int row = 0; row < TALL; row++)
            for (int part = 0; part < WIDE; part++)
                sums[row][part] += errors[row * batch + image] *
                                   *(const Vector *)(inputs + image * TILE + part * LANES);
    for (int row = 0; row < TALL; row++)
        for (int part = 0; part < WIDE; part++)
            *(Vector *)(gradients + row * BLOCK + part * LANES) = sums[row][part];
}

/* The errors (heads, batch) of logits, and the update of the biases that they ask for. */
INLINE void errors_of(float *errors, const float *logits, const float *truth, const float *counts, const float *coefficients,
                  float *bias, float *mean, float *square, long slots, long heads, long batch, float share_of_mean,
                  float share_of_square)
{
    for (long row = 0; row < heads; row++) {
        float sum = 0;
        for (long image = 0; image < batch; image++) {
            const float sign = 1 - 2 * truth[image]; /* chance - 1 without the rounding of a chance near 1 */
            const float excess = sign / (1 + expf(-sign * logits[row * batch + image]));
            sum += errors[row * batch + image] = excess * counts[image];
        }
        update(bias + row, mean + row, square + row, &sum, coefficients + row, slots, 1, share_of_mean, share_of_square);
    }
}

/* Features `start` and on of images side by side (batch, TILE), with zeros behind the last. */
INLINE void pack(float *inputs, const float *const *images, long start, long width, long batch)
{
    for (long image = 0; image < batch; image++) {
        for (long column = 0; column < width; column++)
            inputs[image * TILE + column] = images[image][start + column];
        for (long column = width; column < TILE; column++)
            inputs[image * TILE + column] = 0;
    }
}

/* Some heads, their moments, and their coefficients, whose blends, floors, scales and shrinks are `slots` apart. */
typedef struct {
    float *weight, *weight_mean, *weight_square, *bias, *bias_mean, *bias_square;
    const float *coefficients;
    long slots, count;
} Heads;

/* One step of some heads; `logits` (heads, batch) are filled with their outputs before it. */
static void take(const Heads *heads, const float *const *images, const float *truth, const float *counts,
                 float *logits, float *errors, float *inputs, long batch, long features, float share_of_mean,
                 float share_of_square)
{
    float gradients[TALL * BLOCK];
    for (long row = 0; row < heads->count; row += TALL) {
        long image = 0;
        for (; image + IMAGES <= batch; image += IMAGES)
            forward(logits + row * batch + image, batch, heads->weight + row * features, heads->bias + row,
                    images + image, features, IMAGES);
        for (; image < batch; image++)
            forward(logits + row * batch + image, batch, heads->weight + row * features, heads->bias + row,
                    images + image, features, 1);
    }
    errors_of(errors, logits, truth, counts, heads->coefficients, heads->bias, heads->bias_mean, heads->bias_square, heads->slots,
          heads->count, batch, share_of_mean, share_of_square);

    for (long start = 0; start < features; start += TILE) {
        const long width = features - start < TILE ? features - start : TILE;
        pack(inputs, images, start, width, batch);
        for (long row = 0; row < heads->count; row += TALL)
            for (long column = 0; column < width; column += BLOCK) {
                backward(gradients, errors + row * batch, inputs + column, batch);
                for (int above = 0; above < TALL; above++) {
                    const long at = (row + above) * features + start + column;
                    float *values = heads->weight + at, *means = heads->weight_mean + at;
                    float *squares = heads->weight_square + at, *slopes = gradients + above * BLOCK;
                    const float *lane = heads->coefficients + row + above;
                    const long slots = heads->slots, rest = width - column;
                    if (rest >= BLOCK)
                        update(values, means, squares, slopes, lane, slots, BLOCK, share_of_mean, share_of_square);
                    else
                        update(values, means, squares, slopes, lane, slots, rest, share_of_mean, share_of_square);
                }
            }
    }
}

/* Takes `steps` of K steps for each of S splits, with H heads, a multiple of TALL, and batches of B images.

   vectors (any, F), rows (K, S, B), truth and counts (K, S, B), coefficients (K, 4, S, H), weights and their moments (S, H, F),
   biases and theirs (S, H); scores (K, S, H, B) are filled. Room: `images` for B addresses, `errors` for H x B numbers,
   `inputs` for B x TILE. A split's steps follow one another, so that its heads stay in the processor's cache. */
void many_steps(const float *vectors, const long *rows, const float *truth, const float *counts, const float *coefficients,
                const long *steps, float *weight, float *weight_mean, float *weight_square, float *bias,
                float *bias_mean, float *bias_square, float *scores, const float **images, float *errors,
                float *inputs, long splits, long heads, long batch, long features, float share_of_mean, float share_of_square)
{
    const long slots = splits * heads;
    for (long split = 0; split < splits; split++) {
        const long first = split * heads, number = first * features;
        Heads own = {weight + number, weight_mean + number, weight_square + number, bias + first, bias_mean + first,
                     bias_square + first, coefficients + first, slots, heads};
        for (long step = 0; step < steps[split]; step++, own.coefficients += 4 * slots) {
            const long place = (step * splits + split) * batch;
            for (long image = 0; image < batch; image++)
                images[image] = vectors + rows[place + image] * features;
            take(&own, images, truth + place, counts + place, scores + place * heads, errors, inputs, batch, features,
                 share_of_mean, share_of_square);
        }
    }
}
