/* The update of mammo.heads.descent for some numbers of one head: each is read once and written once. */

#include <math.h>

/* rule holds the head's blend, floor and scale, `lanes` apart. */
static inline __attribute__((always_inline)) void update(float *restrict values, float *restrict means,
                                                         float *restrict squares, const float *restrict slopes,
                                                         const float *rule, long lanes, long count,
                                                         float one_less_beta1, float beta2)
{
    const float of_mean = rule[0], of_gradient = 1 - of_mean, least = rule[lanes], of_root = rule[2 * lanes];
    const float one_less_beta2 = 1 - beta2;
    for (long place = 0; place < count; place++) {
        const float slope = slopes[place];
        const float average = means[place] + one_less_beta1 * (slope - means[place]);
        const float power = beta2 * squares[place] + one_less_beta2 * slope * slope;
        means[place] = average;
        squares[place] = power;
        values[place] -= (of_mean * average + of_gradient * slope) / (of_root * sqrtf(power) + least);
    }
}
