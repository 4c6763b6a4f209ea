// Blocks of device memory: handed out, taken back, handed out again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "standin_torch_cuda.h"

namespace tio::standin::torch {

// A freed block is the next one that an allocation of its size gets, and its bytes are poisoned (all ones:
// NaN in every floating-point type) when it is freed: use after free shows, and so does use of fresh memory
// that nothing has written. A block that a stream was recorded for is held back, as it is, until
// release_held.
class BlockPool {
  public:
    static constexpr size_t granularity = 512;

    // Throws std::bad_alloc when the capacity does not suffice. bytes > 0.
    void* take(size_t bytes);
    void give_back(void* memory) noexcept;
    void record_stream(void* memory);
    void release_held();
    void empty_cache();
    void reset_peak();
    void set_capacity(uint64_t bytes);

    // Of the block; 0: it is none of the pool's.
    size_t size_of(void* memory);
    tio_standin_torch_counts counts();

  private:
    static size_t rounded(size_t bytes) { return (bytes + granularity - 1) / granularity * granularity; }
    static void poison(void* memory, size_t bytes);

    struct Block {
        size_t bytes = 0;
        bool has_recorded_stream = false;
    };

    std::mutex mutex_;
    std::map<void*, Block> live_;
    std::map<size_t, std::vector<void*>> cached_;
    std::vector<std::pair<void*, size_t>> held_;
    uint64_t capacity_ = 0;
    tio_standin_torch_counts counts_{};
};

}  // namespace tio::standin::torch
