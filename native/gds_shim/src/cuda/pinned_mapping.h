// Anonymous memory that is then pinned for CUDA.
#pragma once

#include <cstddef>
#include <string>

#include "cuda/driver.h"

namespace tio::gds::cuda {

// Pinned once, for its lifetime. Not memory from cuMemHostAlloc: io_uring and O_DIRECT certainly take this,
// whatever mapping the driver would have chosen.
class PinnedMapping {
  public:
    // What is pinned, and how its mapping is made.
    struct Shape {
        size_t bytes;
        size_t alignment = 0;  // of its beginning; 0: a page's
        int map_flags = 0;     // MAP_*, beside those of every private anonymous mapping
    };

    // The context must be current, here and where it ends. Throws Failure, which begins with `mapping` or
    // with `pinning`: TIO_E_NOMEM if there is no such memory.
    PinnedMapping(const Driver& driver, const Shape& shape, const std::string& mapping,
                  const std::string& pinning);
    ~PinnedMapping();
    PinnedMapping(const PinnedMapping&) = delete;
    PinnedMapping& operator=(const PinnedMapping&) = delete;

    std::byte* base() const noexcept { return base_; }

  private:
    const Driver& driver_;
    const size_t mapping_bytes_;
    void* mapping_;
    std::byte* base_;
};

}  // namespace tio::gds::cuda
