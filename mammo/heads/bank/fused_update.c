/* The update of mammo.heads.bank.update in one pass over a matrix. */

#include "update.h"

/* Updates a matrix of rows and columns in place. Rows of value, mean and square begin `stride` numbers apart, those of
   gradient `gradient_stride`. coefficients holds the blends, floors, scales and shrinks of all slots; a slot is `height` rows. */
void fused_update(float *value, float *mean, float *square, const float *gradient, const float *coefficients, long rows,
             long columns, long stride, long gradient_stride, long height, float share_of_mean, float share_of_square)
{
    for (long row = 0; row < rows; row++)
        update(value + row * stride, mean + row * stride, square + row * stride, gradient + row * gradient_stride,
               coefficients + row / height, rows / height, columns, share_of_mean, share_of_square);
}
