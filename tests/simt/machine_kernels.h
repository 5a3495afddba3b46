// Kernels of the stand-in GPU's own test; each is described by the case that runs it.
#pragma once

namespace pc::test {

void indices_kernel(int* y);
void turn_kernel(int* y);
void warp_turn_kernel(int* y);
void shuffles_kernel(int* y);
void votes_kernel(int* y);
void early_read_kernel(int* y);
void late_write_kernel(int* y);
void both_write_kernel(int* y);
void blocks_kernel(int* y);
void neighbor_kernel(int* y);
void absent_kernel(int* y);
void two_barriers_kernel(int* y);
void absent_lane_kernel(int* y);
void outsider_kernel(int* y);
void unmasked_kernel(int* y);
void write_beyond_kernel(int* y);
void read_before_kernel(int* y);
void copy_kernel(const int* x, int* y);
void last_kernel(int* y);
void beyond_kernel(int* y);
void ring_kernel(int* y);
void broken_ring_kernel(int* y);
void absent_block_kernel(int* y);
void absent_from_grid_kernel(int* y);
void two_grid_barriers_kernel(int* y);
void copies_kernel(int* y);
void impatient_kernel(int* y);
void copies_beyond_kernel(int* y);
void crooked_kernel(int* y);
void index_kernel(int* y);

}  // namespace pc::test
