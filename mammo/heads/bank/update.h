/* The update of mammo.heads.bank.update for some numbers of one head: each is read once and written once. */

#include <math.h>

/* coefficients holds the head's blend, floor, scale and shrink, `slots` apart. The shares of a new slope, 1 - beta, come as they are: in
   single precision 1 - beta2 is 1.3e-5 too low, and a decay by beta2 leaves a mean square that much too high. */
static inline __attribute__((always_inline)) void update(float *restrict values, float *restrict means,
                                                         float *restrict squares, const float *restrict slopes,
                                                         const float *coefficients, long slots, long count,
                                                         float share_of_mean, float share_of_square)
{
    const float blend = coefficients[0], of_gradient = 1 - blend, floor = coefficients[slots];
    const float scale = coefficients[2 * slots], shrink = coefficients[3 * slots];
    for (long place = 0; place < count; place++) {
        const float slope = slopes[place];
        const float average = means[place] + share_of_mean * (slope - means[place]);
        const float power = squares[place] + share_of_square * (slope * slope - squares[place]);
        means[place] = average;
        squares[place] = power;
        values[place] = shrink * values[place] - (blend * average + of_gradient * slope) / (scale * sqrtf(power) + floor);
    }
}
