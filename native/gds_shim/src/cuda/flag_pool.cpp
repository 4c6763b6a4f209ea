#include "cuda/flag_pool.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>

namespace tio::gds::cuda {

FlagPool::~FlagPool() {
    for (void* page : pages_) {
        driver_.host_unregister(page);
        munmap(page, page_bytes);
    }
}

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
    void* page = mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) throw Failure::from_errno("mapping a page of flags", errno);
    const Result pinned =
        driver_.host_register(page, page_bytes, host_register_portable | host_register_device_map);
    if (pinned != success) munmap(page, page_bytes);
    driver_.check(pinned, "cuMemHostRegister of a page of flags");
    DevicePointer address = 0;
    const Result mapped = driver_.host_device_pointer(&address, page, 0);
    if (mapped != success) {
        driver_.host_unregister(page);
        munmap(page, page_bytes);
    }
    driver_.check(mapped, "cuMemHostGetDevicePointer");
    pages_.push_back(page);
    for (size_t i = 0; i < flags; ++i)
        free_.push_back({static_cast<uint32_t*>(page) + i, address + i * sizeof(uint32_t), 0});
}

}  // namespace tio::gds::cuda
