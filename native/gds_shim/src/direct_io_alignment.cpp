#include "direct_io_alignment.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <string>

namespace tio::gds {

namespace {

uint32_t page_size() {
    return static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
}

// The logical block size that sysfs shows for a device, or 0. A partition has no queue of its own: its parent
// does.
uint32_t logical_block_size(dev_t device) {
    const std::string base =
        "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
    for (const char* queue : {"/queue", "/../queue"}) {
        std::FILE* file = std::fopen((base + queue + "/logical_block_size").c_str(), "re");
        if (file == nullptr) continue;
        unsigned bytes = 0;
        const bool parsed = std::fscanf(file, "%u", &bytes) == 1;
        std::fclose(file);
        if (parsed && std::has_single_bit(bytes)) return bytes;
    }
    return 0;
}

}  // namespace

DirectIoAlignment fallback_direct_io_alignment(int fd) {
    struct stat status {};
    uint32_t bytes = 0;
    if (fstat(fd, &status) == 0) {
        if (S_ISBLK(status.st_mode)) {
            int sector = 0;
            if (ioctl(fd, BLKSSZGET, &sector) == 0 && sector > 0) bytes = static_cast<uint32_t>(sector);
        } else {
            bytes = logical_block_size(status.st_dev);
        }
    }
    if (bytes == 0) bytes = page_size();
    return {true, bytes, bytes};
}

DirectIoAlignment query_direct_io_alignment(int fd) {
#ifdef STATX_DIOALIGN
    struct statx status {};
    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
        (status.stx_mask & STATX_DIOALIGN) != 0) {
        // Both are 0 where the file (encrypted, journalled data) cannot do direct I/O although open() allows
        // the flag.
        if (status.stx_dio_offset_align == 0 || status.stx_dio_mem_align == 0) return {false, 1, 1};
        return {true, status.stx_dio_mem_align, status.stx_dio_offset_align};
    }
#endif
    return fallback_direct_io_alignment(fd);
}

}  // namespace tio::gds
