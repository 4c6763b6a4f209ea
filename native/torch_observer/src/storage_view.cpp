#include "storage_view.h"

#include <utility>

namespace tio {

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
    return gate.can_adopt(data_ptr(), allocator()) && at<uint8_t>(layout_.storage_resizable) != 0;
}

bool StorageView::adopt(AllocationGate& gate) {
    const uint64_t count = bytes();
    void* block = nullptr;
    gate.admit(count);
    {
        std::lock_guard<std::mutex> lock(transitions());
        if (!adoptable(gate)) {
            gate.withdraw(count);
            return false;
        }
        block = data();
        gate.adopt(at<abi::DataPtr>(layout_.storage_data_ptr), at<abi::Allocator*>(layout_.storage_allocator),
                   count);
    }
    gate.tell_adopted(block, count);
    return true;
}

void StorageView::set_open(bool open) {
    const uint8_t closed = open ? 0 : 1;
    at<uint8_t>(layout_.storage_mutable_check) = closed;
    at<uint8_t>(layout_.storage_throw_mutable) = closed;
    at<uint8_t>(layout_.storage_throw_immutable) = closed;
}

// Not through resize_bytes_cpu: that one shows the new size for a moment, in which a view op on another
// thread would find its bounds violated. The old block is freed when the new one is in place.
void StorageView::exchange_block(abi::DataPtr block) {
    std::swap(at<abi::DataPtr>(layout_.storage_data_ptr), block);
}

void StorageView::release(AllocationGate& gate) {
    SilentScope silent;
    exchange_block(gate.tombstone(device()));
    gate.count_tombstone();
    set_open(false);
}

void StorageView::restore(AllocationGate& gate) {
    SilentScope silent;
    exchange_block(gate.block(bytes(), device()));
}

}  // namespace tio
