// The C ABI: checksums of device memory.
#include "arguments.h"
#include "cuda/checksums.h"

using namespace tio::gds;

tio_status tio_gds_checksums_create(tio_gds_gpu* gpu, tio_gds_checksums** checksums) {
    return guarded("tio_gds_checksums_create", [&] {
        require_argument(gpu, "gpu");
        require_argument(checksums, "checksums");
        *checksums = nullptr;
        *checksums = new tio_gds_checksums(*gpu);
        return TIO_OK;
    });
}

tio_status tio_gds_checksums_destroy(tio_gds_checksums* checksums) {
    return guarded("tio_gds_checksums_destroy", [&] {
        delete checksums;
        return TIO_OK;
    });
}

tio_status tio_gds_checksums_compute(tio_gds_checksums* checksums, const tio_gds_memory_range* ranges,
                                     uint32_t count, uint64_t* results) {
    return guarded("tio_gds_checksums_compute", [&] {
        require_argument(checksums, "checksums");
        if (count == 0) return TIO_OK;
        require_argument(ranges, "ranges");
        require_argument(results, "results");
        checksums->compute({ranges, count}, results);
        return TIO_OK;
    });
}

uint64_t tio_gds_checksum_of_host(const void* memory, uint64_t bytes, uint64_t seed) {
    return cuda::Checksums::of_host(memory, bytes, seed);
}
