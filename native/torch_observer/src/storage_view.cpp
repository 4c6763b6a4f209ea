#include "storage_view.h"

namespace tio {

namespace {

constexpr uint64_t kTombstoneBytes = 64;

}  // namespace

std::mutex& StorageView::transitions() {
    static auto* mutex = new std::mutex();
    return *mutex;
}

bool StorageView::movable(const AllocationGate& gate) const {
    const abi::DataPtr& pointer = data_ptr();
    return pointer.data != nullptr && pointer.data == pointer.context.get() &&
           gate.owns(pointer.context.get_deleter()) && at<uint8_t>(layout_.storage_resizable) != 0;
}

bool StorageView::adoptable(const AllocationGate& gate) const {
    const abi::DataPtr& pointer = data_ptr();
    return pointer.data != nullptr && pointer.data == pointer.context.get() &&
           pointer.context.get_deleter() == gate.default_deleter() &&
           at<abi::Allocator*>(layout_.storage_allocator) == gate.default_allocator() &&
           at<uint8_t>(layout_.storage_resizable) != 0;
}

void StorageView::adopt(AllocationGate& gate) {
    gate.adopt(data(), bytes());
    at<abi::DataPtr>(layout_.storage_data_ptr).context.get_deleter() = &AllocationGate::delete_adopted;
    at<abi::Allocator*>(layout_.storage_allocator) = &gate;
}

void StorageView::set_open(bool open) {
    const uint8_t closed = open ? 0 : 1;
    at<uint8_t>(layout_.storage_mutable_check) = closed;
    at<uint8_t>(layout_.storage_throw_mutable) = closed;
    at<uint8_t>(layout_.storage_throw_immutable) = closed;
}

// resize_bytes_cpu copies min(old, new) bytes: the size is set so that it never copies more than the
// tombstone holds.
void StorageView::resize(const Symbols& symbols, uint64_t from, uint64_t to) {
    const int64_t full = at<int64_t>(layout_.storage_bytes);
    set_open(true);
    at<int64_t>(layout_.storage_bytes) = static_cast<int64_t>(from);
    try {
        symbols.resize_bytes_cpu(base_, to);
    } catch (...) {
        at<int64_t>(layout_.storage_bytes) = full;
        throw;
    }
    at<int64_t>(layout_.storage_bytes) = full;
}

void StorageView::release(const Symbols& symbols, AllocationGate& gate) {
    SilentScope silent(true);
    resize(symbols, bytes(), kTombstoneBytes);
    gate.count_tombstone(kTombstoneBytes);
    set_open(false);
}

void StorageView::restore(const Symbols& symbols) {
    SilentScope silent;
    const uint64_t full = bytes();
    try {
        resize(symbols, kTombstoneBytes, full);
    } catch (...) {
        set_open(false);
        throw;
    }
    set_open(false);
}

}  // namespace tio
