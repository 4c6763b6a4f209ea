// Words of pinned memory that streams wait for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "cuda/driver.h"
#include "cuda/pinned_mapping.h"

namespace tio::gds::cuda {

// A stream waits until a word is at least a value (cyclically), and words only ever grow: a word may be taken
// again at once, for a higher value, although streams still stand before waits for its former ones.
//
// Thread-safe. The memory stays until the pool goes, and then no stream may be waiting and the context must
// be current, as for `take`.
class FlagPool {
  public:
    struct Flag {
        uint32_t* word = nullptr;
        DevicePointer address = 0;  // the word, for streams
        uint32_t open_value = 0;
    };

    static constexpr size_t page_bytes = 4096;

    explicit FlagPool(const Driver& driver) : driver_(driver) {}

    // A closed flag. Throws Failure.
    Flag take();
    void give_back(const Flag& flag) noexcept;
    static void open(const Flag& flag) noexcept;

  private:
    void add_page();

    const Driver& driver_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<PinnedMapping>> pages_;
    std::vector<Flag> free_;
};

}  // namespace tio::gds::cuda
