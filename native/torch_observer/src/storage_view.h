// A c10::StorageImpl through the layout table: reading it, releasing and restoring its bytes.
#pragma once

#include <cstdint>
#include <mutex>

#include "allocation_gate.h"
#include "layout.h"

namespace tio {

class StorageView {
  public:
    // Held while a storage is released, restored or opened, and while one is described: an op on one thread
    // must not see a storage halfway that another thread moves. Never held across a handler.
    static std::mutex& transitions();

    StorageView(void* storage, const Layout& layout) : base_(static_cast<char*>(storage)), layout_(layout) {}

    void* storage() const { return base_; }
    const abi::DataPtr& data_ptr() const { return at<abi::DataPtr>(layout_.storage_data_ptr); }
    void* data() const { return data_ptr().data; }
    uint64_t bytes() const { return static_cast<uint64_t>(at<int64_t>(layout_.storage_bytes)); }
    abi::Allocator* allocator() const { return at<abi::Allocator*>(layout_.storage_allocator); }
    abi::Device device() const { return data_ptr().device; }
    bool released() const { return at<uint8_t>(layout_.storage_throw_immutable) != 0; }
    // Memory that only this storage owns and that the gate can free and give again.
    bool movable(const AllocationGate& gate) const;
    // Made by libtorch's allocator before the gate stood in front of it.
    bool adoptable(const AllocationGate& gate) const;

    // Asks for room (outside of transitions()); the gate counts and frees the block from now on. False when
    // another thread was faster. Throws when there is no room.
    bool adopt(AllocationGate& gate);
    // Both keep bytes() as it was, at every moment: views that check bounds go on working, on other threads
    // too.
    void release(AllocationGate& gate);
    void restore(AllocationGate& gate);
    // Every access to the data through libtorch throws while closed.
    void set_open(bool open);

  private:
    template <class T>
    T& at(int32_t offset) const {
        return *reinterpret_cast<T*>(base_ + offset);
    }
    void exchange_block(abi::DataPtr block);

    char* base_;
    const Layout& layout_;
};

}  // namespace tio
