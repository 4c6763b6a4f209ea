#include "storage_view.h"

#include <utility>

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

// Not through resize_bytes_cpu: that one shows the new size for a moment, in which a view op on another
// thread would find its bounds violated. The old block is freed when the new one is in place.
void StorageView::exchange_block(AllocationGate& gate, uint64_t bytes) {
    abi::DataPtr block = gate.allocate(bytes);
    std::swap(at<abi::DataPtr>(layout_.storage_data_ptr), block);
}

void StorageView::release(AllocationGate& gate) {
    SilentScope silent(true);
    exchange_block(gate, kTombstoneBytes);
    gate.count_tombstone(kTombstoneBytes);
    set_open(false);
}

void StorageView::restore(AllocationGate& gate) {
    SilentScope silent;
    exchange_block(gate, bytes());
}

}  // namespace tio
