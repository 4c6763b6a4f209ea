#include "cuda/flag_pool.h"

#include <atomic>
#include <utility>

namespace tio::gds::cuda {

FlagPool::Flag FlagPool::take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (free_.empty()) add_page();
    Flag flag = free_.back();
    free_.pop_back();
    // Nobody else writes to a word, so its value is that of its last opening.
    flag.open_value = std::atomic_ref<uint32_t>(*flag.word).load(std::memory_order_relaxed) + 1;
    return flag;
}

void FlagPool::give_back(const Flag& flag) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(flag);  // there is room: add_page has made it
}

void FlagPool::open(const Flag& flag) noexcept {
    // What the transfers wrote is there before the word is; the driver has said so of device memory.
    std::atomic_ref<uint32_t>(*flag.word).store(flag.open_value, std::memory_order_release);
}

void FlagPool::add_page() {
    constexpr size_t flags = page_bytes / sizeof(uint32_t);
    pages_.reserve(pages_.size() + 1);
    free_.reserve((pages_.size() + 1) * flags);
    constexpr PinnedMapping::Shape shape{page_bytes};
    auto page = std::make_unique<PinnedMapping>(driver_, shape, "mapping a page of flags",
                                                "cuMemHostRegister of a page of flags");
    DevicePointer address = 0;
    driver_.check(driver_.host_device_pointer(&address, page->base(), 0), "cuMemHostGetDevicePointer");
    auto* words = reinterpret_cast<uint32_t*>(page->base());
    pages_.push_back(std::move(page));
    for (size_t i = 0; i < flags; ++i) free_.push_back({words + i, address + i * sizeof(uint32_t), 0});
}

}  // namespace tio::gds::cuda
