#include "cpu_gate.h"

#include <cstring>
#include <string>

namespace tio {

CpuGate& CpuGate::instance() {
    static auto* gate = new CpuGate();  // leaked on purpose: storages outlive static destructors
    return *gate;
}

abi::DataPtr CpuGate::allocate(size_t bytes) {
    if (bytes == 0) {
        abi::DataPtr nothing;
        nothing.device = {abi::kCpu, -1};
        nothing.context = {nullptr, &delete_block};
        return nothing;
    }
    admit(bytes);
    void* data = memory_.allocate(bytes, BlockKind::Small, live());
    if (data == nullptr) {
        withdraw(bytes);
        throw std::runtime_error("TeraIO: the system has no memory left for a tensor of " +
                                 std::to_string(bytes) +
                                 " bytes; lower the memory budget or stop other processes");
    }
    abi::DataPtr pointer = pointer_to(data);
    if (announces(bytes)) {
        header_of(data)->announced = 1;
        tell_allocated(data, bytes);
    }
    report(data, static_cast<int64_t>(bytes));
    return pointer;
}

abi::DataPtr CpuGate::tombstone(abi::Device) {
    void* data = memory_.allocate(kTombstoneBytes, BlockKind::Tombstone, live());
    if (data == nullptr)
        throw std::runtime_error("TeraIO: the system has no memory left for a released tensor's mark");
    abi::DataPtr pointer = pointer_to(data);
    report(data, static_cast<int64_t>(kTombstoneBytes));
    return pointer;
}

abi::DataPtr CpuGate::pointer_to(void* data) {
    count_allocation();
    abi::DataPtr pointer;
    pointer.device = {abi::kCpu, -1};
    pointer.data = data;
    pointer.context = {data, &delete_block};
    return pointer;
}

bool CpuGate::is_simple_data_ptr(const abi::DataPtr& pointer) const {
    return pointer.data == pointer.context.get();
}

abi::Deleter CpuGate::raw_deleter() const {
    return &delete_block;
}

void CpuGate::copy_data(void* destination, const void* source, size_t bytes) const {
    std::memcpy(destination, source, bytes);
}

void CpuGate::install(const Symbols& symbols) {
    symbols_ = &symbols;
    abi::Allocator* current = symbols.get_allocator(abi::kCpu);
    if (current != this) {
        default_ = current;
        default_deleter_ = current->raw_deleter();
    }
    symbols.set_allocator(abi::kCpu, this, 0);
}

void CpuGate::uninstall() {
    if (symbols_ != nullptr && default_ != nullptr) symbols_->set_allocator(abi::kCpu, default_, 0);
}

void CpuGate::set_limit(uint64_t limit, uint64_t cache_limit) {
    store_limit(limit);
    cache_limit_ = cache_limit;
    memory_.configure(limit, cache_limit);
    memory_.trim(live());
}

bool CpuGate::owns(abi::Deleter deleter) const {
    return deleter == &delete_block || deleter == &delete_adopted;
}

bool CpuGate::can_adopt(const abi::DataPtr& pointer, const abi::Allocator* allocator) const {
    return pointer.data != nullptr && pointer.data == pointer.context.get() &&
           pointer.context.get_deleter() == default_deleter_ && allocator == default_;
}

void CpuGate::adopt(abi::DataPtr& pointer, abi::Allocator*& allocator, uint64_t bytes) {
    memory_.trim(live());  // it does not come from the cache, which has to make room for it
    {
        std::lock_guard<std::mutex> lock(adopted_mutex_);
        adopted_.emplace(pointer.data, bytes);
    }
    pointer.context.get_deleter() = &delete_adopted;
    allocator = this;
}

bool CpuGate::is_tombstone(void* data) const {
    return header_of(data)->kind == BlockKind::Tombstone;
}

void CpuGate::report(void* data, int64_t bytes) const {
    if (symbols_ != nullptr && symbols_->memory_profiling_enabled()) {
        symbols_->report_memory(data, bytes, live(), 0, {abi::kCpu, 0});
    }
}

void CpuGate::delete_block(void* data) {
    if (data == nullptr) return;
    CpuGate& gate = instance();
    const BlockHeader header = *header_of(data);
    gate.report(data, -static_cast<int64_t>(header.bytes));
    const bool known =
        header.announced != 0 || header.kind == BlockKind::Tombstone || gate.is_large(header.bytes);
    if (known && gate.keep(data, header.bytes)) return;
    gate.free_own(data);
}

void CpuGate::delete_adopted(void* data) {
    CpuGate& gate = instance();
    uint64_t bytes = 0;
    {
        std::lock_guard<std::mutex> lock(gate.adopted_mutex_);
        if (auto found = gate.adopted_.find(data); found != gate.adopted_.end()) bytes = found->second;
    }
    if (gate.keep(data, bytes)) return;
    gate.free_kept(data);
}

void CpuGate::free_kept(void* data) {
    {
        std::unique_lock<std::mutex> lock(adopted_mutex_);
        if (auto found = adopted_.find(data); found != adopted_.end()) {
            const uint64_t bytes = found->second;
            adopted_.erase(found);
            lock.unlock();
            count_free();
            default_deleter_(data);
            withdraw(bytes);
            return;
        }
    }
    free_own(data);
}

void CpuGate::free_own(void* data) {
    count_free();
    const uint64_t live_after = withdraw(header_of(data)->bytes);
    memory_.free(data, live_after);
}

}  // namespace tio
