// The gate for CPU memory: an allocator of our own that libtorch is given in place of its default one.
#pragma once

#include <mutex>
#include <unordered_map>

#include "allocation_gate.h"
#include "block_memory.h"
#include "symbols.h"

namespace tio {

class CpuGate final : public abi::Allocator, public AllocationGate {
  public:
    static CpuGate& instance();

    abi::DataPtr allocate(size_t bytes) override;
    bool is_simple_data_ptr(const abi::DataPtr& pointer) const override;
    abi::Deleter raw_deleter() const override;
    void copy_data(void* destination, const void* source, size_t bytes) const override;

    // Puts the gate in front of libtorch's CPU allocator.
    void install(const Symbols& symbols);
    void uninstall() override;
    void set_limit(uint64_t limit, uint64_t cache_limit) override;
    uint64_t cache_limit() const override { return cache_limit_; }
    uint64_t cached() const override { return memory_.cached(); }

    bool watches(abi::Device) const override { return true; }
    bool owns(abi::Deleter deleter) const override;
    bool can_adopt(const abi::DataPtr& pointer, const abi::Allocator* allocator) const override;
    void adopt(abi::DataPtr& pointer, abi::Allocator*& allocator, uint64_t bytes) override;
    abi::DataPtr block(uint64_t bytes, abi::Device) override { return allocate(bytes); }
    abi::DataPtr tombstone(abi::Device) override;
    bool is_tombstone(void* data) const override;
    void count_tombstone() override { count(kTombstoneBytes); }
    // Any block that `freeing` kept, its own or adopted.
    void free_kept(void* data);

  private:
    CpuGate() = default;

    static void delete_block(void* data);
    static void delete_adopted(void* data);
    abi::DataPtr pointer_to(void* data);
    void free_own(void* data);
    void report(void* data, int64_t bytes) const;

    const Symbols* symbols_ = nullptr;
    abi::Allocator* default_ = nullptr;
    abi::Deleter default_deleter_ = nullptr;
    uint64_t cache_limit_ = 0;
    BlockMemory memory_;
    std::mutex adopted_mutex_;
    std::unordered_map<void*, uint64_t> adopted_;
};

}  // namespace tio
