/* The update of mammo.heads.descent in one pass: every number is read once and written once. */

#include <math.h>

/* Updates a matrix of rows and columns in place. Rows of value, mean and square begin `stride` numbers apart, those of
   gradient `gradient_stride`. rule holds the blends, floors and scales of all lanes; a lane is `height` rows. */
void descend(float *restrict value, float *restrict mean, float *restrict square, const float *restrict gradient,
             const float *restrict rule, long rows, long columns, long stride, long gradient_stride, long height,
             float one_less_beta1, float beta2)
{
    const long lanes = rows / height;
    const float one_less_beta2 = 1 - beta2;
    for (long row = 0; row < rows; row++) {
        const float *lane = rule + row / height;
        const float of_mean = lane[0], of_gradient = 1 - of_mean, least = lane[lanes], of_root = lane[2 * lanes];
        float *restrict values = value + row * stride, *restrict means = mean + row * stride;
        float *restrict squares = square + row * stride;
        const float *restrict slopes = gradient + row * gradient_stride;
        for (long column = 0; column < columns; column++) {
            const float slope = slopes[column];
            const float average = means[column] + one_less_beta1 * (slope - means[column]);
            const float power = beta2 * squares[column] + one_less_beta2 * slope * slope;
            means[column] = average;
            squares[column] = power;
            values[column] -= (of_mean * average + of_gradient * slope) / (of_root * sqrtf(power) + least);
        }
    }
}
