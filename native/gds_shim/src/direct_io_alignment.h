// What O_DIRECT demands of addresses, offsets and lengths.
#pragma once

#include <cstdint>

namespace tio::gds {

struct DirectIoAlignment {
    bool supported = true;
    uint32_t memory = 1;  // bytes, power of two
    uint32_t offset = 1;  // bytes, power of two
};

// Asks, in this order: statx(STATX_DIOALIGN) (Linux 6.1), BLKSSZGET on a block device, the logical block size
// of the device under the file system in sysfs, the page size. Too coarse an answer costs a copy, too fine a
// one EINVAL, so every fallback errs to the coarse side.
DirectIoAlignment query_direct_io_alignment(int fd);

// The steps after statx, apart so that they can be tested on a kernel that has STATX_DIOALIGN.
DirectIoAlignment fallback_direct_io_alignment(int fd);

}  // namespace tio::gds
