#include "allocation_gate.h"

#include <cstring>

#include "op_frames.h"

namespace tio {

namespace {

constexpr int8_t kCpu = 0;

thread_local bool t_silent = false;
thread_local bool t_tombstone = false;

}  // namespace

SilentScope::SilentScope(bool tombstone) : previous_silent_(t_silent), previous_tombstone_(t_tombstone) {
    t_silent = true;
    t_tombstone = tombstone;
}

SilentScope::~SilentScope() {
    t_silent = previous_silent_;
    t_tombstone = previous_tombstone_;
}

AllocationGate& AllocationGate::instance() {
    static auto* gate = new AllocationGate();  // leaked on purpose: storages outlive static destructors
    return *gate;
}

abi::DataPtr AllocationGate::allocate(size_t bytes) {
    abi::DataPtr pointer;
    pointer.device = {kCpu, -1};
    if (bytes == 0) {
        pointer.context = {nullptr, &delete_block};
        return pointer;
    }
    if (!t_tombstone) admit(bytes);
    void* data = memory_.allocate(bytes, t_tombstone ? BlockKind::Tombstone : BlockKind::Small, live());
    if (data == nullptr) {
        if (!t_tombstone) live_.fetch_sub(bytes, std::memory_order_relaxed);
        throw std::runtime_error("TeraIO: the system has no memory left for a tensor of " +
                                 std::to_string(bytes) +
                                 " bytes; lower the memory budget or stop other processes");
    }
    allocations_.fetch_add(1, std::memory_order_relaxed);
    pointer.data = data;
    pointer.context = {data, &delete_block};
    announce(data, bytes);
    report(data, static_cast<int64_t>(bytes));
    return pointer;
}

bool AllocationGate::is_simple_data_ptr(const abi::DataPtr& pointer) const {
    return pointer.data == pointer.context.get();
}

abi::Deleter AllocationGate::raw_deleter() const {
    return &delete_block;
}

void AllocationGate::copy_data(void* destination, const void* source, size_t bytes) const {
    std::memcpy(destination, source, bytes);
}

void AllocationGate::install(const Symbols& symbols) {
    symbols_ = &symbols;
    abi::Allocator* current = symbols.get_allocator(kCpu);
    if (current != this) {
        default_ = current;
        default_deleter_ = current->raw_deleter();
    }
    symbols.set_allocator(kCpu, this, 0);
}

void AllocationGate::uninstall() {
    if (symbols_ != nullptr && default_ != nullptr) symbols_->set_allocator(kCpu, default_, 0);
}

void AllocationGate::set_handlers(const tio_obs_handlers* handlers, uint64_t minimum_bytes) {
    minimum_bytes_.store(handlers == nullptr ? UINT64_MAX : minimum_bytes);
    handlers_.store(handlers);
}

void AllocationGate::set_limit(uint64_t limit, uint64_t cache_limit) {
    limit_.store(limit);
    cache_limit_ = cache_limit;
    memory_.configure(limit, cache_limit);
    memory_.trim(live());
}

bool AllocationGate::owns(abi::Deleter deleter) const {
    return deleter == &delete_block || deleter == &delete_adopted;
}

void AllocationGate::adopt(void* data, uint64_t bytes) {
    admit(bytes);
    memory_.trim(live());  // it does not come from the cache, which has to make room for it
    {
        std::lock_guard<std::mutex> lock(adopted_mutex_);
        adopted_.emplace(data, bytes);
    }
    if (const auto* handlers = handlers_.load(); handlers != nullptr && bytes >= minimum_bytes_.load()) {
        handlers->allocated(handlers->user, data, bytes, OpFrames::depth());
    }
}

// The limit is checked before the bytes are counted, so that the peak never shows what was not allowed.
void AllocationGate::admit(uint64_t bytes) {
    uint64_t current = live_.load(std::memory_order_relaxed);
    for (;;) {
        const uint64_t limit = limit_.load(std::memory_order_relaxed);
        const auto* handlers = handlers_.load();
        if (handlers != nullptr && limit != 0 && current + bytes > limit) {
            if (t_silent) throw OverLimit();
            char why[1024] = "";
            OpFrames::mark_delivered();
            if (handlers->make_room(handlers->user, bytes, why, sizeof why) != 0)
                throw std::runtime_error(why);
            current = live_.load(std::memory_order_relaxed);
            if (current + bytes > limit_.load(std::memory_order_relaxed)) continue;
        }
        if (live_.compare_exchange_weak(current, current + bytes, std::memory_order_relaxed)) break;
    }
    const uint64_t now = current + bytes;
    uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
}

void AllocationGate::announce(void* data, uint64_t bytes) {
    if (t_silent || bytes < minimum_bytes_.load(std::memory_order_relaxed)) return;
    const auto* handlers = handlers_.load();
    if (handlers == nullptr) return;
    header_of(data)->announced = 1;
    OpFrames::mark_delivered();
    handlers->allocated(handlers->user, data, bytes, OpFrames::depth());
}

bool AllocationGate::keep(void* data, uint64_t bytes) {
    if (t_silent) return false;
    const auto* handlers = handlers_.load();
    return handlers != nullptr && handlers->freeing(handlers->user, data, bytes) != 0;
}

void AllocationGate::report(void* data, int64_t bytes) const {
    if (symbols_ != nullptr && symbols_->memory_profiling_enabled()) {
        symbols_->report_memory(data, bytes, live(), 0, {kCpu, 0});
    }
}

void AllocationGate::delete_block(void* data) {
    if (data == nullptr) return;
    AllocationGate& gate = instance();
    const BlockHeader header = *header_of(data);
    gate.report(data, -static_cast<int64_t>(header.bytes));
    const bool known = header.announced != 0 || header.kind == BlockKind::Tombstone ||
                       header.bytes >= gate.minimum_bytes_.load(std::memory_order_relaxed);
    if (known && gate.keep(data, header.bytes)) return;
    gate.free_own(data);
}

void AllocationGate::delete_adopted(void* data) {
    AllocationGate& gate = instance();
    uint64_t bytes = 0;
    {
        std::lock_guard<std::mutex> lock(gate.adopted_mutex_);
        if (auto found = gate.adopted_.find(data); found != gate.adopted_.end()) bytes = found->second;
    }
    if (gate.keep(data, bytes)) return;
    gate.free_kept(data);
}

void AllocationGate::free_kept(void* data) {
    {
        std::unique_lock<std::mutex> lock(adopted_mutex_);
        if (auto found = adopted_.find(data); found != adopted_.end()) {
            const uint64_t bytes = found->second;
            adopted_.erase(found);
            lock.unlock();
            frees_.fetch_add(1, std::memory_order_relaxed);
            default_deleter_(data);
            live_.fetch_sub(bytes, std::memory_order_relaxed);
            return;
        }
    }
    free_own(data);
}

void AllocationGate::free_own(void* data) {
    frees_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t bytes = header_of(data)->bytes;
    const uint64_t live_after = live_.fetch_sub(bytes, std::memory_order_relaxed) - bytes;
    memory_.free(data, live_after);
}

}  // namespace tio
