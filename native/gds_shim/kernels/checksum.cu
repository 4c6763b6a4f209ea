// The kernel behind tio_gds_checksums_compute; generate.sh makes checksum.ptx of it, which the shim contains.
//
// Grid: x blocks share the words of a range, y counts ranges. Nothing but its arguments and their ranges is
// read, and nothing but the sums is written: no atomics, nothing to set to zero before.
#include "checksum.h"

#define TIO_KERNEL \
    extern "C" __attribute__((global)) __attribute__((launch_bounds(TIO_CHECKSUM_THREADS))) void

TIO_KERNEL tio_checksum(const tio_checksum_range* ranges, tio_checksum_word* sums) {
    static __attribute__((shared)) tio_checksum_word parts[TIO_CHECKSUM_THREADS];
    const unsigned thread = __nvvm_read_ptx_sreg_tid_x();
    const unsigned block = __nvvm_read_ptx_sreg_ctaid_x();
    const unsigned blocks = __nvvm_read_ptx_sreg_nctaid_x();
    const unsigned number = __nvvm_read_ptx_sreg_ctaid_y();
    const tio_checksum_range range = ranges[number];
    parts[thread] = tio_checksum_of_words(
        reinterpret_cast<const unsigned char*>(range.memory), range.bytes,
        static_cast<tio_checksum_word>(block) * TIO_CHECKSUM_THREADS + thread,
        static_cast<tio_checksum_word>(blocks) * TIO_CHECKSUM_THREADS);
    for (unsigned half = TIO_CHECKSUM_THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (thread < half) parts[thread] += parts[thread + half];
    }
    if (thread == 0) sums[static_cast<tio_checksum_word>(number) * blocks + block] = parts[0];
}
